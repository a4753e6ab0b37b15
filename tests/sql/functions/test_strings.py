"""String, pattern and encoding functions give the results of Spark's own documentation, and its types."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import StreamError

S, N, B = "STRING", "INT", "BOOLEAN"

CASES: list[tuple[Any, Any, str]] = [
    (("upper", "SparkSql"), "SPARKSQL", S),
    (("lower", "SparkSql"), "sparksql", S),
    (("upper", 12), "12", S),
    (("trim", "  a\t "), "a\t", S),
    (("ltrim", "Sp", "SSparkSQLS"), "arkSQLS", S),
    (("rtrim", "LQSa", "SSparkSQLS"), "SSpark", S),
    (("btrim", "SSparkSQLS", "SL"), "parkSQ", S),
    (("length", "Spark SQL "), 10, N),
    (("length", "é😀"), 2, N),
    (("length", b"abc"), 3, N),
    (("octet_length", "é"), 2, N),
    (("bit_length", "Spark SQL"), 72, N),
    (("char_length", "ab"), 2, N),
    (("substring", "Spark SQL", 5), "k SQL", S),
    (("substring", "Spark SQL", -3), "SQL", S),
    (("substring", "Spark SQL", 5, 1), "k", S),
    (("substring", "abc", 0, 2), "ab", S),
    (("substring", "abc", -5, 3), "a", S),
    (("substring", "abc", 2, -1), "", S),
    (("substring", b"Spark SQL", 5, 2), b"k ", "BINARY"),
    (("substring", b"Spark SQL", -3), b"SQL", "BINARY"),
    (("left", "Spark SQL", 3), "Spa", S),
    (("left", "Spark SQL", -3), "", S),
    (("right", "Spark SQL", 3), "SQL", S),
    (("right", "Spark SQL", 0), "", S),
    (("lpad", "hi", 5, "??"), "???hi", S),
    (("lpad", "hi", 1, "??"), "h", S),
    (("lpad", "hi", 5), "   hi", S),
    (("rpad", "hi", 5, "??"), "hi???", S),
    (("rpad", "hi", 1, ""), "h", S),
    (("lpad", "hi", -1, "x"), "", S),
    (("repeat", "123", 2), "123123", S),
    (("repeat", "123", -1), "", S),
    (("replace", "ABCabc", "abc", "DEF"), "ABCDEF", S),
    (("replace", "ABCabc", "abc"), "ABC", S),
    (("reverse", "Spark SQL"), "LQS krapS", S),
    (("reverse", "é😀a"), "a😀é", S),
    (("split_part", "11.12.13", ".", 3), "13", S),
    (("split_part", "11.12.13", ".", -3), "11", S),
    (("split_part", "11.12.13", ".", 9), "", S),
    (("substring_index", "www.apache.org", ".", 2), "www.apache", S),
    (("substring_index", "www.apache.org", ".", -2), "apache.org", S),
    (("substring_index", "www.apache.org", ".", 9), "www.apache.org", S),
    (("instr", "SparkSQL", "SQL"), 6, N),
    (("instr", "SparkSQL", "x"), 0, N),
    (("locate", "bar", "foobarbar"), 4, N),
    (("locate", "bar", "foobarbar", 5), 7, N),
    (("charindex", "bar", "foobarbar", 5), 7, N),
    (("position", "bar", "foobarbar", 0), 0, N),
    (("locate", "x", "foobarbar", 5), 0, N),
    (("concat", "Spark", "SQL"), "SparkSQL", S),
    (("concat", "a", 1, None), None, S),
    (("concat", [1, 2, 3], [4, 5], [6]), [1, 2, 3, 4, 5, 6], "ARRAY<INT>"),
    (("concat", b"a", b"b"), b"ab", "BINARY"),
    (("concat_ws", " ", "Spark", "SQL"), "Spark SQL", S),
    (("concat_ws", "s"), "", S),
    (("concat_ws", "/", "foo", None, "bar"), "foo/bar", S),
    (("concat_ws", None, "foo"), None, S),
    (("concat_ws", "-", ["a", None, "b"], "c"), "a-b-c", S),
    (("initcap", "sPark sql"), "Spark Sql", S),
    (("initcap", "a-b  c"), "A-b  C", S),
    (("translate", "AaBbCc", "abc", "123"), "A1B2C3", S),
    (("startswith", "Spark SQL", "Spark"), True, B),
    (("endswith", "Spark SQL", "SQL"), True, B),
    (("contains", "Spark SQL", "SPARK"), False, B),
    (("ascii", "222"), 50, N),
    (("ascii", ""), 0, N),
    (("chr", 65), "A", S),
    (("char", 321), "A", S),
    (("chr", -1), "", S),
    (("space", 2), "  ", S),
    (("overlay", "Spark SQL", "_", 6), "Spark_SQL", S),
    (("overlay", "Spark SQL", "CORE", 7), "Spark CORE", S),
    (("overlay", "Spark SQL", "ANSI ", 7, 0), "Spark ANSI SQL", S),
    (("overlay", "Spark SQL", "tructured", 2, 4), "Structured SQL", S),
    (("levenshtein", "kitten", "sitting"), 3, N),
    (("levenshtein", "kitten", "sitting", 2), -1, N),
    (("format_number", 12332.123456, 4), "12,332.1235", S),
    (("format_number", 12332, 2), "12,332.00", S),
    (("format_string", "Hello World %d %s", 100, "days"), "Hello World 100 days", S),
    (("printf", "%05d|%-4s|%.1f|%%|%s", 42, "a", 0.25, None), "00042|a   |0.3|%|null", S),
    (("like", "Spark", "_park"), True, B),
    (("like", "a%b", "a\\%b"), True, B),
    (("like", "axb", "a\\%b"), False, B),
    (("like", "%SystemDrive%/Users/John", "/%SystemDrive/%//Users%", "/"), True, B),
    (("like", None, "_park"), None, B),
    (("ilike", "Spark", "_PARK"), True, B),
    (("rlike", "%SystemDrive%\\Users\\John", "%SystemDrive%\\\\Users.*"), True, B),
    (("regexp_like", "abc\n", "c$"), True, B),
    (("regexp_extract", "100-200", "(\\d+)-(\\d+)", 1), "100", S),
    (("regexp_extract", "foo", "(\\d+)", 1), "", S),
    (("regexp_extract", "100-200", "(\\d+)-(\\d+)", 0), "100-200", S),
    (("regexp_extract_all", "100-200, 300-400", "(\\d+)-(\\d+)", 1), ["100", "300"], "ARRAY<STRING>"),
    (("regexp_replace", "100-200", "(\\d+)", "num"), "num-num", S),
    (("regexp_replace", "100-200", "(\\d+)-(\\d+)", "$2_$1\\$"), "200_100$", S),
    (("regexp_count", "Steven Jones and Stephen Smith", "Ste(v|ph)en"), 2, N),
    (("regexp_substr", "Steven Jones", "Ste(v|ph)en"), "Steven", S),
    (("regexp_substr", "Jones", "Ste(v|ph)en"), None, S),
    (("split", "oneAtwoBthreeC", "[ABC]"), ["one", "two", "three", ""], "ARRAY<STRING>"),
    (("split", "a.b", "\\."), ["a", "b"], "ARRAY<STRING>"),
    (("split", "", ","), [""], "ARRAY<STRING>"),
    (("split", "ab", ""), ["a", "b"], "ARRAY<STRING>"),
    (("base64", "Spark SQL"), "U3BhcmsgU1FM", S),
    (("unbase64", "U3BhcmsgU1FM"), b"Spark SQL", "BINARY"),
    (("hex", 17), "11", S),
    (("hex", "Spark SQL"), "537061726B2053514C", S),
    (("hex", -1), "FFFFFFFFFFFFFFFF", S),
    (("unhex", "537061726B2053514C"), b"Spark SQL", "BINARY"),
    (("unhex", "F"), b"\x0f", "BINARY"),
    (("unhex", "xyz"), None, "BINARY"),
    (("encode", "abc", "utf-8"), b"abc", "BINARY"),
    (("decode", b"abc", "UTF-8"), "abc", S),
    (("md5", "Spark"), "8cde774d6f7333752ed72cacddb05126", S),
    (("sha1", "Spark"), "85f5955f4b27a9a4c2aab6ffe5d7189fc298b92c", S),
    (("sha2", "Spark", 256), "529bc3b07127ecb7e53a4dcf1991d9152c24537d919178022b2c42657f79a26b", S),
    (("sha2", "Spark", 1), None, S),
    (("crc32", "Spark"), 1557323817, "BIGINT"),
    (("url_encode", "https://spark.apache.org"), "https%3A%2F%2Fspark.apache.org", S),
    (("url_encode", "a b*~"), "a+b*%7E", S),
    (("url_decode", "https%3A%2F%2Fspark.apache.org+x"), "https://spark.apache.org x", S),
    (("xxhash64", 1), -6698625589789238999, "BIGINT"),
    (("xxhash64", None), 42, "BIGINT"),
    (("hash", 1, "hello"), -1505279299, N),
    (("hash", "Spark"), 228093765, N),
    (("typeof", ("array", 1)), "array<int>", S),
]


@pytest.mark.parametrize(("call", "value", "kind"), CASES)
def test_value_and_type_are_sparks(evaluate: Any, call: Any, value: Any, kind: str) -> None:
    """Values are those of Spark's function documentation or of a recorded run."""
    assert evaluate(call) == (value, kind)


def test_format_string_takes_numbered_and_grouped_arguments(evaluate: Any) -> None:
    """Java's argument numbers count from 1, and a comma groups digits."""
    assert evaluate(("format_string", "%2$s %1$s %3$,d", "a", "b", -1234567)) == ("b a -1,234,567", S)


@pytest.mark.parametrize(
    "call",
    [
        ("uuid",),
        ("rlike", "a", "(?=a)"),
        ("rlike", "a", "[a-c&&[b]]"),
        ("rlike", "a", "a*+"),
        ("rlike", "a", "(a)\\1"),
        ("split", "abc", "", 2),
        ("split", "a", "x*"),
        ("format_string", "%e", 1.0),
        ("encode", "a", "UTF-16"),
    ],
)
def test_what_would_be_wrong_is_refused(evaluate: Any, call: Any) -> None:
    """Chance, and patterns that RE2 reads otherwise than java.util.regex, are refused."""
    with pytest.raises(StreamError) as caught:
        evaluate(call)
    assert caught.value.code == "SQL_UNSUPPORTED"


@pytest.mark.parametrize("call", [("like", "a", "a\\"), ("rlike", "a", "("), ("regexp_extract", "a", "a", 1)])
def test_a_pattern_that_is_wrong_is_an_analysis_error(evaluate: Any, call: Any) -> None:
    """A pattern is constant, so that its mistakes are found before any row."""
    with pytest.raises(StreamError) as caught:
        evaluate(call)
    assert caught.value.code == "SQL_ANALYSIS"


def test_a_type_that_does_not_fit_names_sparks_condition(evaluate: Any) -> None:
    """An array is never cast to a text unasked."""
    with pytest.raises(StreamError) as caught:
        evaluate(("upper", ["a"]))
    assert caught.value.condition == "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"
