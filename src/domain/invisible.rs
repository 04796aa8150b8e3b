//! Characters that nobody sees and that change what is seen: how they are shown, and which names may not have them.
//!
//! The sets are those of Unicode: what is ignored where it can't be rendered (`Default_Ignorable_Code_Point`, UAX 44),
//! controls, separators of lines, and what changes the direction of text (UAX 9). Its guidance on identifiers (UAX 31,
//! UTS 39) allows of them only what some scripts can't be written without, and only there: joiners between letters of
//! such scripts, and here also within emoji; variation selectors behind what has variants. Everywhere else they make
//! two names that look alike, or none that can be seen at all.

use std::borrow::Cow;
use std::fmt::Write;

/// A text for people to look at: what is hidden in it is spelled, as `\u{202e}`, `\n` or `\t`.
///
/// # Example
/// ```
/// use counterfoil::domain::invisible::shown;
/// assert_eq!(shown("CAFÉ 250 g"), "CAFÉ 250 g");
/// assert_eq!(shown("\u{202e}GUM\n"), r"\u{202e}GUM\n");
/// ```
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    spelled(text, &[])
}

/// As [`shown`], for a text of several lines: line ends and tabs stay.
#[must_use]
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    spelled(text, &['\n', '\t'])
}

fn spelled<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let hidden = |(at, letter): &(usize, char)| !kept.contains(letter) && is_hidden(text, *at, *letter);
    let mut places = text.char_indices().filter(hidden).peekable();
    if places.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let (mut spelled, mut from) = (String::with_capacity(text.len() + 8), 0);
    for (at, letter) in places {
        spelled.push_str(text.get(from..at).unwrap_or_default());
        // Writing to a string has no way to fail.
        let _ = match letter {
            '\n' => spelled.write_str(r"\n"),
            '\t' => spelled.write_str(r"\t"),
            '\r' => spelled.write_str(r"\r"),
            letter => write!(spelled, "{}", letter.escape_unicode()),
        };
        from = at + letter.len_utf8();
    }
    spelled.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(spelled)
}

/// Why a text is no name that people can tell from others; none where it is one.
///
/// # Example
/// ```
/// use counterfoil::domain::invisible::problem_of_name;
/// assert_eq!(problem_of_name("MUG BLUE"), None);
/// assert!(problem_of_name("MUG\u{200b}").is_some_and(|problem| problem.contains("U+200B")));
/// ```
#[must_use]
pub fn problem_of_name(text: &str) -> Option<String> {
    if text.bytes().all(is_plain) {
        return None;
    }
    if text.char_indices().all(|(at, letter)| is_blank(letter) || is_hidden(text, at, letter)) {
        return Some("it has no character that can be seen".to_owned());
    }
    let (at, letter) = text.char_indices().find(|(at, letter)| is_hidden(text, *at, *letter))?;
    let what = match letter {
        letter if turns(letter) => "a character that changes the direction of text",
        '\u{2028}' | '\u{2029}' => "a character that ends a line",
        letter if letter.is_control() => "a control character",
        _ => "a character that can't be seen",
    };
    Some(format!("it has {what} (U+{:04X}) at byte {at}", u32::from(letter)))
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

/// Whether a letter at this byte of a text is hidden there.
fn is_hidden(text: &str, at: usize, letter: char) -> bool {
    is_ignorable(letter) && !is_needed(text, at, letter)
}

/// Whether a letter is never seen by itself: a control, or what shapes, joins, parts or turns what is around it.
#[must_use]
pub fn is_ignorable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What changes the direction of the text around it.
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What takes room and shows nothing.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{2800}'
}

/// Whether an ignorable letter does what it is for: it joins or parts letters of a script that has this, joins emoji, or
/// picks a variant of what has some.
fn is_needed(text: &str, at: usize, letter: char) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let behind = text.get(at + letter.len_utf8()..).and_then(|behind| behind.chars().next());
    let Some(before) = before else { return false };
    match letter {
        '\u{200c}' => joins(before) && behind.is_some_and(joins),
        // Some languages end words so, behind the sign that takes away a consonant's vowel.
        '\u{200d}' if is_virama(before) => true,
        '\u{200d}' => {
            behind.is_some_and(|behind| (joins(before) && joins(behind)) || (is_emoji(before) && is_emoji(behind)))
        }
        '\u{fe0e}' | '\u{fe0f}' if behind == Some('\u{20e3}') => matches!(before, '0'..='9' | '#' | '*'),
        '\u{fe00}'..='\u{fe0f}' => {
            is_emoji(before) || is_ideograph(before) || matches!(before, '\u{1000}'..='\u{109f}')
        }
        '\u{e0100}'..='\u{e01ef}' => is_ideograph(before),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

/// Letters and marks of scripts whose letters join, or that have joiners in their spelling: from Arabic to Mongolian,
/// and their kin further on.
fn joins(letter: char) -> bool {
    matches!(letter,
        '\u{600}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1a20}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
        && letter != '\u{61c}'
        && !is_ignorable(letter)
}

/// The sign that takes away the vowel of a consonant, in the scripts of India and Sri Lanka.
const fn is_virama(letter: char) -> bool {
    matches!(
        letter,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

/// Pictures, signs of their kind, and the selector that makes a picture of a sign.
const fn is_emoji(letter: char) -> bool {
    matches!(letter,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{27ff}'
        | '\u{2900}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{fe0f}'
        | '\u{1f000}'..='\u{1faff}')
}

const fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is hidden wherever it stands between ASCII letters.
    const HIDDEN: &[(u32, u32)] = &[
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0xe0000, 0xe0fff),
    ];

    #[test]
    fn what_is_hidden_is_spelled_and_refused_in_names() {
        for letter in HIDDEN.iter().flat_map(|(first, last)| *first..=*last).filter_map(char::from_u32) {
            for text in [format!("A{letter}B"), format!("{letter}A"), format!("A{letter}"), letter.to_string()] {
                let seen = shown(&text);
                assert!(!seen.contains(letter) && seen.contains('\\'), "{letter:?}: {seen}");
                let lines = shown_lines(&text);
                assert_eq!(lines.contains(letter), matches!(letter, '\n' | '\t'), "{letter:?}: {lines}");
                assert!(problem_of_name(&text).is_some(), "{text:?}");
            }
            assert_eq!(problem_of_name(&letter.to_string()).unwrap(), "it has no character that can be seen");
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        let texts = [
            "",
            "MUG BLUE",
            "CAFÉ, 250 g",
            "näive",
            "Ωμέγα",
            "קפה",
            "قهوة",
            "コーヒー",
            "葛\u{e0100}城",
            "한글",
            "ไทย",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "ശ\u{d4d}\u{200d}",
            "ශ\u{dca}\u{200d}රී",
            "👩\u{200d}🔧",
            "❤\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "👨🏽\u{200d}🦱",
            "5\u{fe0f}\u{20e3}",
            "☕\u{fe0e}",
            r"A\B",
            "ß=1",
            "\u{a0}x",
        ];
        for text in texts {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text), "{text:?} is shown as {}", shown(text));
            assert_eq!(problem_of_name(text).filter(|_| !text.is_empty()), None, "{text:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_are_hidden_where_they_join_and_select_nothing() {
        let texts = [
            "A\u{200d}B",
            "A\u{200c}",
            "\u{200d}",
            "☕\u{200d}",
            "☕\u{200d}A",
            "A\u{fe0f}",
            "5\u{fe0f}",
            "A\u{e0100}",
            "م\u{200c}\u{200c}ن",
            "🏴\u{e0067}\u{e007f}",
            "\u{3164}",
            "\u{2800}\u{200b}",
        ];
        for text in texts {
            assert!(matches!(shown(text), Cow::Owned(_)), "{text:?}");
            assert!(problem_of_name(text).is_some(), "{text:?}");
        }
        assert!(problem_of_name("\u{2800} \u{2800}").is_some(), "blanks only");
    }

    #[test]
    fn a_name_that_is_refused_is_told_why_and_where() {
        let told = |text| problem_of_name(text).unwrap();
        assert_eq!(told("A\u{202e}B"), "it has a character that changes the direction of text (U+202E) at byte 1");
        assert_eq!(told("É\u{2028}B"), "it has a character that ends a line (U+2028) at byte 2");
        assert_eq!(told("A\u{feff}"), "it has a character that can't be seen (U+FEFF) at byte 1");
        assert_eq!(shown("a\u{1b}[2J\r\nb\u{85}"), r"a\u{1b}[2J\r\nb\u{85}");
        assert_eq!(shown_lines("a\u{1b}[2J\r\n\tb"), "a\\u{1b}[2J\\r\n\tb");
    }
}
