use super::*;

/// Returns the message of the refusal.
fn refused(text: &str) -> String {
    let refusal = CronExpression::new(text).expect_err(text);
    assert_eq!(refusal.code(), Code::InvalidCron, "{text:?}");
    refusal.to_string()
}

#[test]
fn f6_the_text_is_kept_but_for_spaces() {
    let cron = CronExpression::new("  */15\t0-6/2   * JAN,mar  * \n").unwrap();
    assert_eq!(cron.as_str(), "*/15 0-6/2 * JAN,mar *");
    assert_eq!(CronExpression::new(cron.as_str()), Ok(cron));
}

#[test]
fn f6_what_is_not_standard_is_refused_with_what_to_write() {
    for (text, named) in [
        ("", &["0 fields", "five fields"][..]),
        ("* * * *", &["4 fields", "like 0 2 * * 1-5"]),
        ("0 0 2 * * 1-5", &["6 fields", "no seconds"]),
        ("0 0 2 * * 1-5 2026", &["7 fields", "no years"]),
        ("@daily", &["\"@daily\"", "write 0 0 * * *"]),
        ("@Weekly", &["write 0 0 * * 0"]),
        ("@reboot", &["not known", "five fields"]),
        ("60 * * * *", &["minute", "60 is out of range", "0 to 59"]),
        ("* 24 * * *", &["hour", "24 is out of range", "0 to 23"]),
        ("* * 0 * *", &["day of month", "0 is out of range", "1 to 31"]),
        ("* * 1,32 * *", &["day of month", "\"32\"", "1 to 31"]),
        ("* * * 13 *", &["month", "1 to 12 or jan to dec"]),
        ("* * * 0 *", &["month", "0 is out of range"]),
        ("* * * * 8", &["day of week", "0 to 7 or sun to sat"]),
        ("* * * * monday", &["day of week", "\"monday\"", "sun to sat"]),
        ("* * * tue *", &["month", "\"tue\"", "jan to dec"]),
        ("jan * * * *", &["minute", "\"jan\"", "0 to 59"]),
        ("99999999999999999999 * * * *", &["minute", "out of range"]),
        ("* 22-2 * * *", &["hour", "\"22-2\"", "22-23 and 0-2"]),
        ("* * * * fri-mon", &["day of week", "fri-7 and 0-mon"]),
        ("* * * * 5-0", &["day of week", "ends before it starts"]),
        ("*/0 * * * *", &["minute", "\"0\" is not a valid step", "1 to 59"]),
        ("*/90 * * * *", &["minute", "\"90\" is not a valid step", "1 to 59"]),
        ("*/ * * * *", &["minute", "not a valid step"]),
        ("*/-5 * * * *", &["minute", "not a valid step"]),
        ("*/5/5 * * * *", &["minute", "not a valid step"]),
        ("5/15 * * * *", &["minute", "\"5/15\"", "5-59/n"]),
        ("* * ? * *", &["day of month", "? is not standard", "write *"]),
        ("* * * * ?", &["day of week", "? is not standard", "write *"]),
        ("* * L * *", &["day of month", "L, W and # are not standard", "monthly"]),
        ("* * 15W * *", &["day of month", "L, W and #"]),
        ("* * * * 5#2", &["day of week", "L, W and #"]),
        ("* * * * friL", &["day of week", "L, W and #"]),
        ("1,,2 * * * *", &["minute", "a value is missing", "0 to 59"]),
        ("1- * * * *", &["minute", "a value is missing"]),
        ("-1 * * * *", &["minute", "a value is missing"]),
        ("+1 * * * *", &["minute", "\"+1\""]),
        ("1-2-3 * * * *", &["minute", "\"2-3\""]),
        ("1.5 * * * *", &["minute", "\"1.5\""]),
        ("\u{662} * * * *", &["minute"]),
    ] {
        let message = refused(text);
        for part in named {
            assert!(message.contains(part), "{text:?}: {message} does not say {part:?}");
        }
    }
}

#[test]
fn f6_macros_are_refused_with_what_to_write_instead() {
    for (text, instead) in [
        ("@yearly", "0 0 1 1 *"),
        ("@Annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ] {
        assert!(refused(text).ends_with(&format!("write {instead}")), "{text}");
    }
}

#[test]
fn f6_both_kinds_of_day_at_once_are_refused() {
    for text in ["0 2 13 * fri", "0 2 */2 * 1", "0 2 1-31 * 0", "0 2 1 * */1"] {
        let message = refused(text);
        assert!(message.contains("both day of month") && message.contains("write * for one"), "{message}");
    }
    assert!(CronExpression::new("0 2 */2 * *").is_ok() && CronExpression::new("0 2 * * 0-7").is_ok());
}

#[test]
fn f6_an_expression_that_never_matches_is_refused() {
    for text in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 feb,apr,jun,sep,nov *", "0 0 30-31 2 *"] {
        let message = refused(text);
        assert!(message.contains("never matches") && message.contains("change day of month"), "{message}");
    }
    for text in ["0 0 29 2 *", "0 0 31 2,3 *", "0 0 28-31 2 *", "0 0 30 4 *", "0 0 31 12 *"] {
        assert!(CronExpression::new(text).is_ok(), "{text}");
    }
}

#[test]
fn f6_expressions_are_bounded_but_every_list_fits() {
    let list =
        |first: u32, last: u32| (first..=last).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let all = format!("{} {} {} {} *", list(0, 59), list(0, 23), list(1, 31), list(1, 12));
    let whole = CronExpression::new(&all).unwrap();
    assert_eq!(whole.slots, CronExpression::new("* * * * *").unwrap().slots);
    let longest = format!("10{} 2 * * *", ",1".repeat(251));
    assert_eq!(longest.len(), CronExpression::CHARS_MAX);
    assert!(CronExpression::new(&longest).is_ok());
    assert!(refused(&format!("0{longest}")).contains("longer than 512"));
}

#[test]
fn f6_a_slot_lies_before_the_rest_of_its_own_second() {
    let daily = CronExpression::new("0 2 * * *").unwrap();
    let slot = "2026-03-02T02:00:00Z".parse::<DateTime<Utc>>().unwrap();
    for after in [chrono::TimeDelta::nanoseconds(1), chrono::TimeDelta::seconds(1)] {
        assert_eq!(daily.last_before(slot + after), Some(slot));
    }
    assert_eq!(daily.last_before(slot), Some(slot - chrono::TimeDelta::days(1)));
}
