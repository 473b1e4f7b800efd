//! The binary forms of values, compared with what PostgreSQL sends, without a server.

#![forbid(unsafe_code)]

use keywalk_postgres::{Date, NotNumeric, Numeric, SqlKeyColumn, Timestamp, TimestampTz};

#[test]
fn a_numeric_has_the_bytes_and_the_order_of_postgresql() {
    // `SELECT x, numeric_send(x)`, in ascending order; equal numbers differ in their scale alone.
    let rows = [
        ("-Infinity", "00000000f0000000"),
        (
            "-12345678901234567890.5000",
            "000600044000000404d2162e23340d801ed21388",
        ),
        ("-1", "00010000400000000001"),
        ("0", "0000000000000000"),
        ("0.00", "0000000000000002"),
        ("0.00001000", "0001fffe0000000803e8"),
        ("0.0001", "0001ffff000000040001"),
        ("0.5", "0001ffff000000011388"),
        ("1", "00010000000000000001"),
        ("9999.9999", "0002000000000004270f270f"),
        ("10000", "00010001000000000001"),
        ("123000000", "0002000200000000000108fc"),
        ("1000000000000000000000000000000", "00010007000000000064"),
        ("Infinity", "00000000d0000000"),
        ("NaN", "00000000c0000000"),
    ];
    let mut before: Option<Numeric> = None;
    for (text, hex) in rows {
        let number: Numeric = text.parse().unwrap();
        let mut bytes = Vec::new();
        number.bind(&mut bytes);
        let shown: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, hex, "{text}");
        let read = Numeric::read(Some(&bytes)).unwrap();
        assert_eq!(read.as_str(), text);
        assert!(
            before.as_ref().is_none_or(|before| *before <= read),
            "{text}"
        );
        before = Some(read);
    }
    for text in [
        "", "-", "1e5", ".5", "1.", "+1", "1 ", "0x1", "--1", "1.2.3", "nan",
    ] {
        assert_eq!(text.parse::<Numeric>(), Err(NotNumeric), "{text}");
    }
    assert_eq!("-007.50".parse::<Numeric>().unwrap().as_str(), "-7.50");
    assert_eq!("-0.0".parse::<Numeric>().unwrap().as_str(), "0.0");
    for hostile in [
        &[][..],
        &[0; 7],
        &[0, 1, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0x80, 0, 0, 0],
    ] {
        assert!(Numeric::read(Some(hostile)).is_err(), "{hostile:?}");
    }
}

#[test]
fn times_are_printed_as_postgresql_reads_them() {
    let day = 86_400_000_000;
    let rows = [
        (Date::from_days(0).to_string(), "2000-01-01"),
        (Date::from_days(-1).to_string(), "1999-12-31"),
        (Date::from_days(8_825).to_string(), "2024-02-29"),
        (Date::from_days(-730_120).to_string(), "0001-12-31 BC"),
        (Date::INFINITY.to_string(), "infinity"),
        (
            Timestamp::from_micros(-1).to_string(),
            "1999-12-31 23:59:59.999999",
        ),
        (
            Timestamp::from_micros(day).to_string(),
            "2000-01-02 00:00:00",
        ),
        (
            TimestampTz::from_micros(1_500_000).to_string(),
            "2000-01-01 00:00:01.500000+00",
        ),
        (
            TimestampTz::from_micros(-730_120 * day).to_string(),
            "0001-12-31 00:00:00+00 BC",
        ),
        (TimestampTz::NEG_INFINITY.to_string(), "-infinity"),
    ];
    for (shown, expected) in rows {
        assert_eq!(shown, expected);
    }
    let time = TimestampTz::from_micros(-1_234_567);
    assert_eq!(time.to_system_time().map(TimestampTz::from), Some(time));
    assert_eq!(TimestampTz::INFINITY.to_system_time(), None);
}
