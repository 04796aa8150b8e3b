//! What a picture must have, whatever the figures.

use super::numbers::Numbers;
use super::times::Times;
use super::{Flow, FlowPeriod, MovementPlot, Panel, PlotError, Step, StepLine, StockPlot, thinned};
use crate::domain::ids::Timestamp;
use chrono_tz::Europe::London;
use proptest::prelude::*;
use regex::Regex;

const DAY: i64 = 86_400_000_000;
/// 2026-01-01T00:00:00Z
const NEW_YEAR: i64 = 1_767_225_600_000_000;

fn steps(units: &[i64]) -> Vec<Step> {
    let step = |(day, units): (usize, &i64)| Step { at: Timestamp(NEW_YEAR + day as i64 * DAY), units: *units };
    units.iter().enumerate().map(step).collect()
}

fn line(name: &str, units: &[i64]) -> StepLine {
    StepLine { name: name.to_owned(), steps: steps(units) }
}

fn stock(panels: &[(&str, &[i64], &[i64])]) -> StockPlot {
    let panel = |(name, physical, available): &(&str, &[i64], &[i64])| Panel {
        name: (*name).to_owned(),
        decimals: 0,
        lines: vec![line("physical", physical), line("available", available)],
    };
    StockPlot {
        title: "MUG".to_owned(),
        note: "as it was known".to_owned(),
        zone: London,
        until: Timestamp(NEW_YEAR + 10 * DAY),
        below_zero: "oversold".to_owned(),
        panels: panels.iter().map(panel).collect(),
    }
}

fn movement(days: i64, kinds: &[&str]) -> MovementPlot {
    let flow = |kind: &&str| Flow { kind: (*kind).to_owned(), came: 3, left: -2 };
    let period = |day: i64| FlowPeriod {
        label: format!("day {day}"),
        from: Timestamp(NEW_YEAR + day * DAY),
        until: Timestamp(NEW_YEAR + (day + 1) * DAY),
        opening: i128::from(day) * kinds.len() as i128,
        flows: kinds.iter().map(flow).collect(),
        closing: i128::from(day + 1) * kinds.len() as i128,
    };
    MovementPlot {
        title: "MUG at SHOP".to_owned(),
        note: "by day".to_owned(),
        zone: London,
        decimals: 0,
        periods: (0..days).map(period).collect(),
    }
}

/// Corners of every line of this colour.
fn corners(svg: &str, colour: &str) -> Vec<usize> {
    let polyline = Regex::new(&format!("<polyline[^>]*stroke=\"{colour}\"[^>]*points=\"([^\"]*)\"")).unwrap();
    polyline.captures_iter(svg).map(|found| found[1].split_whitespace().count()).collect()
}

fn count(svg: &str, pattern: &str) -> usize {
    Regex::new(pattern).unwrap().find_iter(svg).count()
}

/// Every tag is closed, in order, and no bare `&` or `<` is left in texts: what an XML reader asks for.
#[track_caller]
fn is_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let tag = Regex::new(r#"<(/?)([a-z]+)((?: [A-Za-z0-9-]+="[^"<]*")*) ?(/?)>"#).unwrap();
    let mut end = 0;
    for found in tag.captures_iter(svg) {
        let whole = found.get(0).unwrap();
        let between = &svg[end..whole.start()];
        assert!(!between.contains('<') && !between.contains('>'), "{between}");
        end = whole.end();
        match (&found[1], &found[4]) {
            ("", "") => open.push(found.get(2).unwrap().as_str()),
            ("/", _) => assert_eq!(open.pop(), Some(&found[2])),
            _ => {}
        }
    }
    assert_eq!((open.len(), svg[end..].trim()), (0, ""));
    let entity = Regex::new("&(lt|gt|amp|quot|apos);").unwrap();
    assert!(!entity.replace_all(svg, "").contains('&'));
}

#[test]
fn every_step_is_drawn() {
    let svg = stock(&[("SHOP", &[12, 9, 9, -1], &[12, 7])]).svg().unwrap();
    is_well_formed(&svg);
    assert!(
        corners(&svg, "#0072B2").contains(&8) && corners(&svg, "#E69F00").contains(&4),
        "two corners for each step"
    );
    assert_eq!(svg, stock(&[("SHOP", &[12, 9, 9, -1], &[12, 7])]).svg().unwrap());
}

#[test]
fn stretches_below_zero_are_marked_and_named() {
    let oversold = stock(&[("SHOP", &[5, 5, 5, 5, 5], &[5, -1, -2, 3, -4])]).svg().unwrap();
    assert_eq!((count(&oversold, "<polygon"), count(&oversold, "\noversold\n")), (2, 1));
    let sound = stock(&[("SHOP", &[5, 5], &[5, 0])]).svg().unwrap();
    assert_eq!((count(&sound, "<polygon"), count(&sound, "oversold")), (0, 0));
}

#[test]
fn places_stand_below_each_other_on_one_axis_of_time() {
    let svg =
        stock(&[("SHOP", &[5, 4], &[5, 3]), ("EMPTY", &[], &[]), ("DEPOT", &[7, -7, 7], &[7, -7, 7])]).svg().unwrap();
    is_well_formed(&svg);
    for (text, times) in [("SHOP", 1), ("DEPOT", 1), ("EMPTY", 0), ("date, Europe/London", 1)] {
        assert_eq!(count(&svg, &format!("\n{text}\n")), times, "{text}");
    }
    let dates = count(&svg, "\n2026-01-\\d\\d\n");
    assert!((5..=6).contains(&dates), "{dates}: every second of ten days, below the lowest only");
    assert!(corners(&svg, "#0072B2").contains(&4) && corners(&svg, "#0072B2").contains(&6));
}

#[test]
fn nothing_makes_no_picture() {
    assert_eq!(stock(&[("SHOP", &[], &[])]).svg(), Err(PlotError::Empty));
    assert_eq!(stock(&[]).svg(), Err(PlotError::Empty));
    assert_eq!(movement(0, &["sold"]).svg(), Err(PlotError::Empty));
}

#[test]
fn names_are_text_and_never_markup() {
    let mut plot = stock(&[("A<b>&\"'", &[1], &[1]), ("B", &[1], &[1])]);
    plot.title = "</text><script>&amp;\u{1f375} ñ".to_owned();
    let svg = plot.svg().unwrap();
    is_well_formed(&svg);
    assert!(svg.contains("\n&lt;/text&gt;&lt;script&gt;&amp;amp;\u{1f375} ñ\n"), "{svg}");
    assert!(svg.contains("\nA&lt;b&gt;&amp;&quot;&apos;\n"), "{svg}");
    plot.title = "W".repeat(500);
    let svg = plot.svg().unwrap();
    let title = Regex::new("\n(W+…)\n").unwrap();
    assert!(title.captures(&svg).is_some_and(|found| found[1].chars().count() < 200), "too long for its paper, so cut");
}

#[test]
fn what_is_hidden_in_a_name_is_spelled() {
    let mut plot = stock(&[("A\u{200b}", &[1], &[1]), ("B", &[1], &[1])]);
    plot.title = "\u{202e}GUM\u{1b}".to_owned();
    plot.note = "x\u{2028}y".to_owned();
    plot.panels.iter_mut().for_each(|panel| panel.lines[0].name.push('\u{2066}'));
    let svg = plot.svg().unwrap();
    is_well_formed(&svg);
    for spelled in [r"\u{202e}GUM\u{1b}", r"x\u{2028}y", r"A\u{200b}", r"physical\u{2066}"] {
        assert!(svg.contains(&format!("\n{spelled}\n")), "{spelled}: {svg}");
    }
}

#[test]
fn every_flow_is_a_bar_and_every_period_a_corner() {
    for days in [1, 2, 12, 365] {
        let svg = movement(days, &["received", "sold"]).svg().unwrap();
        is_well_formed(&svg);
        let days = days as usize;
        for colour in ["#0072B2", "#E69F00"] {
            let bars = count(&svg, &format!("<rect[^>]*fill=\"{colour}\""));
            assert_eq!(bars, 2 * days + 1, "in and out, and one in the legend");
        }
        assert!(corners(&svg, "#222222").contains(&(days + 1)));
        assert_eq!(count(&svg, "<circle"), if days <= 60 { days } else { 0 });
        assert_eq!(count(&svg, "\nday 0\n"), usize::from(days <= 12), "names where they have room, else dates");
    }
    assert_eq!(movement(365, &["sold"]).svg(), movement(365, &["sold"]).svg());
}

#[test]
fn more_kinds_than_colours_share_one() {
    let svg = movement(2, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]).svg().unwrap();
    assert_eq!(count(&svg, "<rect[^>]*fill=\"#999999\""), 3 * 2 * 2 + 1);
    assert_eq!((count(&svg, "\nall others\n"), count(&svg, "\nh\n")), (1, 0));
}

#[test]
fn a_period_that_is_missing_leaves_a_gap() {
    let mut plot = movement(12, &["sold"]);
    plot.periods.remove(5);
    let svg = plot.svg().unwrap();
    assert!(corners(&svg, "#222222").contains(&13), "the line is level across it");
}

#[test]
fn ticks_of_quantities_are_round_and_exact() {
    let axis = |low, high, decimals| {
        let axis = Numbers::new([low, high].into_iter(), decimals, 6);
        axis.ticks.iter().map(|tick| axis.label(*tick)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(axis(0, 0, 0), "0 1");
    assert_eq!(axis(0, 3, 0), "0 1 2 3");
    assert_eq!(axis(-1, 3, 0), "−2 −1 0 1 2 3");
    assert_eq!(axis(0, 12_500, 3), "0 5 10 15");
    assert_eq!(axis(0, 375, 3), "0.0 0.1 0.2 0.3 0.4");
    assert_eq!(axis(-1_234, 45_678, 0), "−10,000 0 10,000 20,000 30,000 40,000 50,000");
    let bound = 1_000_000_000_000_000_000;
    assert!(axis(-bound, bound, 6).starts_with("−1,500,000,000,000 "), "{}", axis(-bound, bound, 6));
}

#[test]
fn ticks_of_time_are_places_of_the_calendar() {
    let axis = |from, until| {
        let times = Times::new(Timestamp(from), Timestamp(until), London);
        (times.ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join(" "), times.shows)
    };
    let (ticks, shows) = axis(NEW_YEAR, NEW_YEAR + 364 * DAY);
    assert!(ticks.starts_with("2026-01 2026-02 ") && ticks.ends_with("2026-12") && shows == "month, Europe/London");
    let (ticks, shows) = axis(NEW_YEAR + DAY / 2, NEW_YEAR + 5 * DAY);
    assert_eq!(ticks, "2026-01-02 2026-01-03 2026-01-04 2026-01-05 2026-01-06", "{shows}");
    let (ticks, shows) = axis(NEW_YEAR + 60_000_000, NEW_YEAR + 3 * 3_600_000_000);
    assert_eq!(ticks, "00:30 01:00 01:30 02:00 02:30 03:00");
    assert_eq!(shows, "time on 2026-01-01, Europe/London");
    let (ticks, _) = axis(NEW_YEAR - DAY / 4, NEW_YEAR + DAY / 4);
    assert_eq!(ticks, "12-31 18:00 12-31 21:00 01-01 00:00 01-01 03:00 01-01 06:00");
    let (ticks, _) = axis(NEW_YEAR, NEW_YEAR);
    assert!(ticks.starts_with("00:00:00.000000 "), "{ticks}");
    // The night of 29 March 2026 has no hour from one to two.
    let spring = NEW_YEAR + 87 * DAY;
    let (ticks, _) = axis(spring, spring + DAY / 4);
    assert_eq!(ticks, "00:00 00:30 02:00 02:30 03:00 03:30 04:00 04:30 05:00 05:30 06:00 06:30 07:00");
    let (ticks, _) = axis(-2_208_988_800_000_000, 253_402_300_799_000_000);
    assert_eq!(ticks, "2000 4000 6000 8000");
}

#[test]
fn thinning_keeps_ends_and_extremes_of_every_slice() {
    let mut units: Vec<i64> = (0..20_000).map(|n| n % 7).collect();
    (units[7_777], units[13_131]) = (-500, 900);
    let whole = steps(&units);
    let thin = thinned(whole.clone(), 1_000);
    assert!(thin.len() <= 1_000 && thin.len() > 500, "{}", thin.len());
    for kept in [whole[0], whole[7_777], whole[13_131], whole[19_999]] {
        assert!(thin.contains(&kept), "{kept:?}");
    }
    assert!(thin.is_sorted_by_key(|step| step.at));
    assert_eq!(thinned(whole[..1_000].to_vec(), 1_000), whole[..1_000]);
}

proptest! {
    #[test]
    fn any_figures_make_a_picture(
        units in proptest::collection::vec(-1_000_000_000_000_000_000..=1_000_000_000_000_000_000i64, 1..40),
        decimals in 0u8..=6,
        gap in 0..4_000_000_000_000i64,
        name in "\\PC{0,40}",
    ) {
        let step = |(n, units): (usize, &i64)| Step { at: Timestamp(NEW_YEAR + n as i64 * gap), units: *units };
        let steps: Vec<Step> = units.iter().enumerate().map(step).collect();
        let line = StepLine { name: name.clone(), steps: steps.clone() };
        let panels = vec![Panel { name: name.clone(), decimals, lines: vec![line] }; 2];
        let plot = StockPlot { title: name.clone(), note: name, panels, until: steps[0].at, ..stock(&[]) };
        let svg = plot.svg().unwrap();
        prop_assert!(corners(&svg, "#0072B2").contains(&(2 * units.len())));
        prop_assert!(thinned(steps, 8).len() <= 8);
    }
}
