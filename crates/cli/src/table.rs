//! Tables that fit the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::text::clean;
use crate::width::{self, columns, labelled};

/// A table on stdout. Where there is no terminal its lines are as long as they are.
#[must_use]
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    table_in(width::of_stdout(), head, rows)
}

/// A table of at most so many columns. Cells are broken between words; where even that is too wide, each row
/// becomes a list of its own.
fn table_in<const N: usize>(
    width: Option<usize>,
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| clean(&cell))).collect();
    let Some(width) = width else { return side_by_side(None, head, rows) };
    let least = least_widths(&head, &rows);
    // Two between each and the next.
    let needed = least.iter().sum::<usize>() + 2 * N.saturating_sub(1);
    if needed <= width { side_by_side(Some((width, least)), head, rows) } else { lists(width, head, rows) }
}

/// The first column names the row: a name broken over two lines cannot be copied. Of the others, the longest
/// word stays whole.
fn least_widths<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> [usize; N] {
    let word = |text: &str| text.split(' ').map(columns).max().unwrap_or(0);
    std::array::from_fn(|at| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
        let cells = cells.chain(head.get(at).copied());
        cells.map(|cell| if at == 0 { columns(cell) } else { word(cell) }).max().unwrap_or(0)
    })
}

fn side_by_side<const N: usize>(
    room: Option<(usize, [usize; N])>,
    head: [&str; N],
    rows: Vec<[String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
    table.set_content_arrangement(ContentArrangement::Disabled);
    if let Some((width, least)) = room {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // Cells are padded on both sides; the outer padding is taken off again below.
        table.set_width(u16::try_from(width + 2).unwrap_or(u16::MAX));
        for (at, least) in least.into_iter().enumerate() {
            let Some(column) = table.column_mut(at) else { continue };
            let least = Width::Fixed(u16::try_from(least + 2).unwrap_or(u16::MAX));
            column.set_constraint(match at {
                0 => ColumnConstraint::ContentWidth,
                _ => ColumnConstraint::LowerBoundary(least),
            });
        }
    }
    let line = |line: String| format!("{}\n", unindented(line.trim_end()));
    table.lines().map(line).collect()
}

fn unindented(line: &str) -> &str {
    line.strip_prefix(' ').unwrap_or(line)
}

fn lists<const N: usize>(width: usize, head: [&str; N], rows: Vec<[String; N]>) -> String {
    let label = head.iter().map(|label| columns(label)).max().unwrap_or(0) + 2;
    let list = |row| labelled(head.into_iter().zip(row), "", label, Some(width));
    rows.into_iter().map(list).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [&str; 4] = ["LICENSE", "STATUS", "LEFT", "ENDS"];

    fn row(id: &str) -> [String; 4] {
        [id.to_owned(), "suspended by the supplier".into(), "9 uses".into(), "2027-01-01".into()]
    }

    #[test]
    fn a_table_has_a_line_for_each_row_and_shows_no_control_characters() {
        let rows = [["acme/paint".into(), "3".into()], ["b\x1b".into(), "–".into()]];
        let text = table_in(None, ["app", "offers"], rows);
        assert_eq!(text, "app         offers\nacme/paint  3\nb\u{FFFD}          –\n");
    }

    #[test]
    fn whatever_the_width_no_line_is_longer_and_nothing_is_lost() {
        let rows = || [row("lic_a7a7a7a7a7a7"), row("lic_b8b8b8b8b8b8")];
        for width in 20..100 {
            let text = table_in(Some(width), HEAD, rows());
            let longest = text.lines().map(columns).max().unwrap();
            assert!(longest <= width, "{width}:\n{text}");
            for whole in ["lic_a7a7a7a7a7a7", "lic_b8b8b8b8b8b8", "suspended", "2027-01-01"] {
                assert!(width < 30 || text.contains(whole), "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn cells_are_broken_between_words_before_rows_become_lists() {
        let broken = table_in(Some(60), HEAD, [row("lic_a7")]);
        assert!(broken.starts_with("LICENSE  STATUS"), "{broken}");
        let lists = table_in(Some(30), HEAD, [row("lic_a7"), row("lic_b8")]);
        let expected = "\
            LICENSE  lic_a7\n\
            STATUS   suspended by the\n         supplier\n\
            LEFT     9 uses\n\
            ENDS     2027-01-01\n\n";
        assert!(lists.starts_with(expected), "{lists}");
    }
}
