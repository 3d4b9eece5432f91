//! Tables beside the `csv` crate (RFC 4180; text/tab-separated-values of IANA).

use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use super::{FILLERS, run};

#[test]
fn tables() {
    run(51, 400, |choices, plant| {
        let (kind, delimiter) = choices.one_of(&[("text/csv", b','), ("text/tab-separated-values", b'\t')]);
        let style = choices.one_of(&[QuoteStyle::Necessary, QuoteStyle::Always, QuoteStyle::NonNumeric]);
        let end = choices.one_of(&[Terminator::CRLF, Terminator::Any(b'\n')]);
        let mut writer =
            WriterBuilder::new().delimiter(delimiter).quote_style(style).terminator(end).from_writer(Vec::new());
        let columns = 1 + choices.below(4);
        let header: Vec<String> = (0..columns).map(|column| format!("column {column}")).collect();
        writer.write_record(&header).unwrap();
        let mut wanted = vec![StringRecord::from(header)];
        for _ in 0..choices.below(6) {
            let (cells, read): (Vec<_>, Vec<_>) = (0..columns).map(|_| choices.text(FILLERS, plant)).unzip();
            writer.write_record(&cells).unwrap();
            wanted.push(StringRecord::from(read));
        }
        let body = writer.into_inner().unwrap();
        let out = choices.redacted(kind, &body);
        let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(out.as_slice());
        let read: Vec<StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, wanted, "{}", String::from_utf8_lossy(&body));
        assert!(plant || out == body);
    });
}
