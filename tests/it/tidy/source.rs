//! Reads Rust source well enough to say what it imports and what it names: words and punctuation, without
//! comments, texts and test code. Not a parser of the language, and it need not be one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A word or a mark of the source, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// One path such as `crate::log::frame::Frame`, from the crate's root, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub path: Vec<String>,
    pub line: usize,
}

/// One source file of the library or the binary.
pub struct SourceFile {
    /// The path below the package, with `/`.
    pub name: String,
    /// Where it stands in the module tree: `["log", "frame"]`, empty for the crate's roots.
    pub module: Vec<String>,
    pub lines: usize,
    /// Everything but comments and the content of texts.
    pub tokens: Vec<Token>,
    /// Paths that start with `crate`, `self` or `super`, outside code that only tests compile.
    pub imports: Vec<Import>,
}

impl SourceFile {
    pub fn read(root: &Path, path: &Path) -> SourceFile {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        SourceFile::new(&name, &text)
    }

    pub fn new(name: &str, text: &str) -> SourceFile {
        let module = module_of(name);
        let tokens = tokens(text);
        let imports = if is_test_code(name) { Vec::new() } else { imports(&without_test_items(&tokens), &module) };
        SourceFile { name: name.to_string(), module, lines: text.lines().count(), tokens, imports }
    }

    /// Whether the word stands in the file outside comments and texts.
    pub fn names(&self, word: &str) -> bool {
        self.tokens.iter().any(|t| t.text == word)
    }

    /// The lines on which these tokens follow each other.
    pub fn lines_with(&self, sequence: &[&str]) -> Vec<usize> {
        let windows = self.tokens.windows(sequence.len());
        windows.filter(|w| w.iter().zip(sequence).all(|(t, s)| t.text == *s)).map(|w| w[0].line).collect()
    }
}

/// Every `.rs` file below a directory, in order of name; none when the directory is not there.
pub fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether the file holds only tests by its name: `tests.rs`, `x_tests.rs`, `tests/x.rs`.
pub fn is_test_code(name: &str) -> bool {
    name.split('/').any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

/// `src/log/frame.rs` → `["log", "frame"]`, `src/log/mod.rs` → `["log"]`, `src/lib.rs` → `[]`.
fn module_of(name: &str) -> Vec<String> {
    let inside = name.strip_prefix("src/").unwrap_or(name).trim_end_matches(".rs");
    let mut parts: Vec<String> = inside.split('/').map(str::to_string).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The tokens of a Rust source; comments and the content of texts leave none.
pub fn tokens(text: &str) -> Vec<Token> {
    let source: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < source.len() {
        let end = token_end(&source, at);
        let piece = &source[at..end];
        if !is_blank(piece) {
            found.push(Token { text: piece.iter().collect(), line });
        }
        line += piece.iter().filter(|c| **c == '\n').count();
        at = end;
    }
    found
}

/// White space, comments, texts and characters carry no names.
fn is_blank(piece: &[char]) -> bool {
    piece[0].is_whitespace()
        || piece.starts_with(&['/', '/'])
        || piece.starts_with(&['/', '*'])
        || piece.ends_with(&['"'])
        || piece.ends_with(&['\''])
        || (piece.len() > 1 && piece.ends_with(&['#']))
}

fn token_end(source: &[char], at: usize) -> usize {
    let next = source.get(at + 1).copied().unwrap_or(' ');
    match source[at] {
        c if c.is_whitespace() => at + 1,
        '/' if next == '/' => (at..source.len()).find(|i| source[*i] == '\n').unwrap_or(source.len()),
        '/' if next == '*' => block_comment_end(source, at),
        ':' if next == ':' => at + 2,
        '"' => text_end(source, at),
        '\'' => character_end(source, at),
        c if c.is_alphanumeric() || c == '_' => word_end(source, at),
        _ => at + 1,
    }
}

/// Block comments nest.
fn block_comment_end(source: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0usize, start);
    while at + 1 < source.len() {
        match (source[at], source[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    source.len()
}

fn text_end(source: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < source.len() && source[at] != '"' {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(source.len())
}

/// A quote starts a character (`'x'`, `'\n'`) or a lifetime (`'a`), which is one mark and then a word.
fn character_end(source: &[char], start: usize) -> usize {
    if source.get(start + 1) == Some(&'\\') {
        let close = (start + 3..source.len()).find(|i| source[*i] == '\'');
        return close.map_or(source.len(), |i| i + 1);
    }
    if source.get(start + 2) == Some(&'\'') { start + 3 } else { (start + 2).min(source.len()) }
}

/// A word, or a text with a prefix: `r"…"`, `br#"…"#`, `b"…"`, `c"…"`, `b'…'`.
fn word_end(source: &[char], start: usize) -> usize {
    let is_part = |i: &usize| !(source[*i].is_alphanumeric() || source[*i] == '_');
    let end = (start..source.len()).find(is_part).unwrap_or(source.len());
    let prefix: String = source[start..end].iter().collect();
    let marks = source[end..].iter().take_while(|c| **c == '#').count();
    let opens = source.get(end + marks) == Some(&'"');
    match prefix.as_str() {
        "r" | "br" | "cr" if opens => raw_text_end(source, end + marks, marks),
        "b" | "c" if marks == 0 && opens => text_end(source, end),
        "b" if source.get(end) == Some(&'\'') => character_end(source, end),
        _ => end,
    }
}

fn raw_text_end(source: &[char], open: usize, marks: usize) -> usize {
    let closes =
        |i: &usize| source[*i] == '"' && source[i + 1..].iter().take(marks).filter(|c| **c == '#').count() == marks;
    (open + 1..source.len()).find(closes).map_or(source.len(), |i| i + 1 + marks)
}

/// Leaves out each item behind `#[cfg(test)]`.
fn without_test_items(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = tokens[at..].iter().zip(MARK).filter(|(t, m)| t.text == *m).count() == MARK.len();
        if marked {
            at = item_end(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that starts here ends: behind its body, or behind its semicolon.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let is_import = tokens[start..].iter().take_while(|t| t.text != "{").any(|t| t.text == "use");
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = token.text == ";" || (token.text == "}" && !is_import);
        if depth == 0 && ends {
            return at + 1;
        }
    }
    tokens.len()
}

/// Every path that starts with `crate`, `self` or `super`, resolved from the crate's root.
fn imports(tokens: &[Token], file_module: &[String]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut module = file_module.to_vec();
    let mut opened: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |i| tokens[i].text.as_str());
        let after = tokens.get(at + 1).map_or("", |t| t.text.as_str());
        match token.text.as_str() {
            "{" => {
                let is_module = at >= 2 && tokens[at - 2].text == "mod";
                if is_module {
                    module.push(before.to_string());
                }
                opened.push(is_module);
            }
            "}" if opened.pop() == Some(true) => drop(module.pop()),
            "crate" | "self" | "super" if before != "::" && after == "::" && !is_visibility(tokens, at) => {
                let base = if token.text == "crate" { Vec::new() } else { module.clone() };
                walk_path(tokens, at, base, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// `pub(in super::super)` says who may see, not what is used.
fn is_visibility(tokens: &[Token], at: usize) -> bool {
    at >= 3 && ["pub", "(", "in"].iter().zip(&tokens[at - 3..at]).all(|(mark, t)| t.text == *mark)
}

/// Follows one path, and every branch of it, from the word at `at`; returns where it ends.
fn walk_path(tokens: &[Token], mut at: usize, mut path: Vec<String>, found: &mut Vec<Import>) -> usize {
    let line = tokens.get(at).map_or(0, |t| t.line);
    loop {
        match tokens.get(at).map(|t| t.text.as_str()) {
            Some("crate" | "self") => {}
            Some("super") => drop(path.pop()),
            Some("{") => return walk_branches(tokens, at + 1, &path, found),
            Some("<") | None => break,
            Some(word) => path.push(word.to_string()),
        }
        at += 1;
        if tokens.get(at).is_none_or(|t| t.text != "::") {
            break;
        }
        at += 1;
    }
    if !path.is_empty() {
        found.push(Import { path, line });
    }
    at
}

fn walk_branches(tokens: &[Token], mut at: usize, path: &[String], found: &mut Vec<Import>) -> usize {
    while let Some(token) = tokens.get(at) {
        at = match token.text.as_str() {
            "}" => return at + 1,
            "," => at + 1,
            "as" => at + 2,
            _ => walk_path(tokens, at, path.to_vec(), found).max(at + 1),
        };
    }
    at
}

/// For each module that is a directory: the submodule that each name re-exported by its root comes from.
pub fn reexports(files: &[SourceFile]) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for file in files.iter().filter(|f| f.module.len() == 1) {
        for (at, token) in file.tokens.iter().enumerate() {
            let follows_pub = at > 0 && matches!(file.tokens[at - 1].text.as_str(), "pub" | ")");
            if token.text != "use" || !follows_pub {
                continue;
            }
            let mut paths = Vec::new();
            walk_path(&file.tokens, at + 1, Vec::new(), &mut paths);
            for import in paths {
                let path: Vec<&String> = import.path.iter().skip_while(|p| **p == file.module[0]).collect();
                if let [submodule, .., name] = path.as_slice() {
                    found.insert((file.module[0].clone(), name.to_string()), submodule.to_string());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(name: &str, text: &str) -> Vec<String> {
        SourceFile::new(name, text).imports.iter().map(|i| i.path.join("::")).collect()
    }

    #[test]
    fn comments_and_texts_name_nothing() {
        let text = "// sled\n/* a /* sled */ sled */ let a = \"sled \\\" sled\"; let b = r#\"sled \" sled\"#; let c = '\"'; sled_x";
        let words: Vec<String> = tokens(text).into_iter().map(|t| t.text).collect();
        assert!(!words.contains(&"sled".to_string()), "{words:?}");
        assert!(words.contains(&"sled_x".to_string()));
    }

    #[test]
    fn lifetimes_do_not_swallow_code() {
        let words: Vec<String> =
            tokens("fn f<'a>(x: &'a str) -> &'a str { sled }").into_iter().map(|t| t.text).collect();
        assert!(words.contains(&"sled".to_string()), "{words:?}");
    }

    #[test]
    fn branches_and_parents_resolve_from_the_root() {
        let text = "use crate::domain::{ids::{ItemId, LotId as L}, line};\nuse super::frame;\nfn f() { crate::limits::LINES_MAX; }";
        assert_eq!(
            paths("src/log/codec.rs", text),
            ["domain::ids::ItemId", "domain::ids::LotId", "domain::line", "log::frame", "limits::LINES_MAX"]
        );
        assert_eq!(paths("src/domain/check.rs", "use super::super::log::x;"), ["log::x"]);
        assert_eq!(paths("src/audit.rs", "use super::log::x; mod inner { use super::y; }"), ["log::x", "audit::y"]);
    }

    #[test]
    fn test_code_may_import_what_it_likes() {
        let text = "#[cfg(test)]\nuse crate::cli::{a, b};\n#[cfg(test)]\nmod tests { use crate::cli; fn f() {} }\nuse crate::domain::x;";
        assert_eq!(paths("src/log/frame.rs", text), ["domain::x"]);
        assert!(paths("src/log/tests.rs", text).is_empty());
    }

    #[test]
    fn visibility_is_no_import() {
        assert!(paths("src/log/frame.rs", "pub(crate) fn f(self: &Self) {} pub(in super::super) struct S;").is_empty());
    }

    #[test]
    fn reexported_names_are_traced_to_their_file() {
        let root = SourceFile::new(
            "src/log/mod.rs",
            "pub mod store; pub use store::{Store, StoreError}; pub(crate) use self::frame::Frame;",
        );
        let names = reexports(&[root]);
        let submodule = |name: &str| names.get(&("log".to_string(), name.to_string())).map(String::as_str);
        assert_eq!(submodule("StoreError"), Some("store"));
        assert_eq!(submodule("Frame"), Some("frame"));
        assert_eq!(submodule("Other"), None);
    }
}
