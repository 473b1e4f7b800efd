//! Keys as people read them.

use std::cmp::Reverse;

use keywalk_key::{Key, Utf8};
use uuid::Uuid;

use crate::own::Own;

#[test]
fn a_key_in_words_is_its_value() {
    assert_eq!((-7_i8).text(), "-7");
    assert_eq!(u128::MAX.text(), u128::MAX.to_string());
    assert_eq!(Reverse(300_u16).text(), "300");
    assert_eq!(vec![0_u8, 171].text(), "00ab");
    assert_eq!("a\n\"b".to_owned().text(), r#""a\n\"b""#);
    assert_eq!(Utf8::from("a").text(), r#""a""#);
    assert_eq!(Reverse("a".to_owned()).text(), r#""a""#);
    assert_eq!(Reverse(vec![1_u8]).text(), "01");
    let uuid = Uuid::from_u128(0xab);
    assert_eq!(uuid.text(), "00000000-0000-0000-0000-0000000000ab");
    assert_eq!(Reverse(uuid).text(), uuid.text());
    assert_eq!((7_u8,).text(), "(7)");
    let key = (
        String::new(),
        Reverse(uuid),
        Reverse(Reverse(-1_i64)),
        vec![2_u8],
    );
    assert_eq!(key.text(), format!(r#"("", {uuid}, -1, 02)"#));
}

#[test]
fn a_key_in_words_is_fit_for_a_terminal_and_of_bounded_length() {
    let hostile = "\u{1b}[2J\r\n\u{202e}\u{9b}\u{200b}".to_owned();
    let escaped = r#""\u{1b}[2J\r\n\u{202e}\u{9b}\u{200b}""#;
    assert_eq!(hostile.text(), escaped);
    assert_eq!(Utf8(hostile.clone()).text(), escaped);
    assert_eq!((Reverse(hostile), 7).text(), format!("({escaped}, 7)"));
    let whole = "é".repeat(120);
    assert_eq!(whole.text(), format!("\"{whole}\""));
    let cut = format!("\"{whole}\"... (242 bytes)");
    assert_eq!((whole + "é").text(), cut);
    assert_eq!(vec![0xab_u8; 60].text(), "ab".repeat(60));
    let cut = "ab".repeat(60) + "... (61 bytes)";
    assert_eq!(vec![0xab_u8; 61].text(), cut);
}

#[test]
fn a_type_of_ones_own_is_its_bytes_in_words() {
    assert_eq!(Own(255).text(), "00000000000000ff");
    let column = format!("(1, 30{:032x})", 255);
    assert_eq!((1_u8, Own(255)).text(), column);
}
