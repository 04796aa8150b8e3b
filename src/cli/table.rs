//! Aligned tables: texts to the left, figures to the right.

use std::io::{self, Write};

/// Which way a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Texts.
    Left,
    /// Figures.
    Right,
}

/// Rows under a headline, printed when all are known.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().take(self.columns.len()).collect());
    }

    /// Writes it, or `(none)` where there are no rows.
    ///
    /// # Errors
    /// What the output says.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return writeln!(out, "  (none)");
        }
        let widths = self.widths();
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        self.print_row(out, &titles, &widths)?;
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        self.print_row(out, &rule, &widths)?;
        self.rows.iter().try_for_each(|row| self.print_row(out, row, &widths))
    }

    fn widths(&self) -> Vec<usize> {
        let width = |text: &str| text.chars().count();
        let column = |(index, (title, _)): (usize, &(&str, Side))| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| width(cell));
            cells.chain([width(title)]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    fn print_row(&self, out: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let aligned = cells.iter().zip(widths).zip(&self.columns).map(|((cell, width), (_, side))| match side {
            Side::Left => format!("  {cell:<width$}"),
            Side::Right => format!("  {cell:>width$}"),
        });
        writeln!(out, "{}", aligned.collect::<String>().trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_letters() {
        let mut table = Table::new(&[("item", Side::Left), ("physical", Side::Right)]);
        table.row(["CAFÉ".to_owned(), "-12".to_owned()]);
        table.row(["MUG-BLUE".to_owned(), "1234567890".to_owned()]);
        let mut out = Vec::new();
        table.print(&mut out).unwrap();
        let wanted = "  item        physical\n  ────────  ──────────\n  CAFÉ             -12\n  MUG-BLUE  1234567890\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
