"""Numbers and dates as people write them."""

import numpy as np
import pandas
import pytest

from neuroevo.data import DataError, dates, load
from neuroevo.data.table import feature_names, features
from neuroevo.data.written import Notation, canonical, notation_of


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["$1,234", "$5"], [1234, 5]),
        (["-$5", "$-3", "$ 4"], [-5, -3, 4]),
        (["12%", "3.5 %"], [12, 3.5]),
        (["1 234,5 \u20ac", "7 \u20ac"], [1234.5, 7]),
        (["1.234.567", "5"], [1234567, 5]),
        (["1'234.5", "2"], [1234.5, 2]),
        (["\u22123", "4"], [-3, 4]),
        (["1,23,456.5"], [123456.5]),
        (["1.5D+03"], [1500]),
        (["1,234", "2,345"], [1234, 2345]),
        ([".5", "5.", "1e3"], [0.5, 5, 1000]),
    ],
)
def test_numbers_are_read_as_they_are_written(texts, values):
    found = notation_of(texts)
    assert [found.number(text) for text in texts] == values


@pytest.mark.parametrize(
    "texts",
    [
        ["12%", "3"],
        ["$5", "\u20ac5"],
        ["1,2,3"],
        ["12,34.5"],
        ["1-5"],
        ["$", "%"],
        ["10:30"],
        ["1.2.3"],
        ["1,5", "1.5"],
        ["x"],
        [],
        ["1_0"],
    ],
)
def test_what_is_written_in_no_one_way_is_no_number(texts):
    assert notation_of(texts) is None


def test_a_comma_that_leaves_it_open_is_what_is_said():
    assert notation_of(["1,234"], ",").number("1,234") == 1.234
    assert canonical("-1.234,50 \u20ac") == "-1234.50 \u20ac"


@pytest.mark.parametrize("notation", [{"decimal": ";"}, {"unit": "kg"}, 3])
def test_what_is_no_notation_is_refused(notation):
    with pytest.raises(ValueError, match="a notation of numbers"):
        Notation.from_dict(notation)


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["1970-01-02", "1971-01-01T12:00"], [1, 365.5]),
        (["1970-01-02 02:00+02:00"], [1]),
        (["02.01.1970", "31.01.1970"], [1, 30]),
        (["13/01/1970", "02/01/1970"], [12, 1]),
        (["01/13/1970 6:00 PM"], [12.75]),
        (["Jan 2, 1970", "Feb 1, 1970"], [1, 31]),
        (["2 January 1970"], [1]),
        (["2-Jan-70"], [1]),
    ],
)
def test_dates_are_read_in_their_format(texts, days):
    form, _ = dates.format_of(texts)
    assert dates.days(pandas.Series([*texts, None], dtype=object), form, "x")[:-1].tolist() == pytest.approx(days)
    assert np.isnan(dates.days(pandas.Series([*texts, None], dtype=object), form, "x")[-1])


@pytest.mark.parametrize(
    "texts", [["10:30"], ["1.2.3"], ["192.168.1.1"], ["001-23-4567"], ["2020-13-01"], ["2020-01-01", "x"], ["may"], []]
)
def test_what_is_no_date_is_none(texts):
    assert dates.format_of(texts) is None


def test_parts_of_dates_come_round():
    when = np.array([0.0, 31.0, 364.0, 365.25])  # a Thursday, 1 February, 31 December, 1 January at six
    assert (12 * dates.part(when, "month")).round(6).tolist() == [0, 1, 11, 0]
    assert (7 * dates.part(when, "weekday")).round(6).tolist() == [3, 6, 3, 4]
    assert (24 * dates.part(when, "hour")).round(6).tolist() == [0, 0, 0, 6]


DAYS = pandas.date_range("2023-01-01", periods=200, freq="31h")


def frame(when):
    return pandas.DataFrame({"when": when, "n": np.arange(200) ** 1.5, "y": ["a", "b"] * 100})


def test_a_date_is_the_same_however_it_is_written(tmp_path):
    """And a file to predict from may write it otherwise than the training."""
    columns = load(frame(DAYS), target="y").columns
    expected = features(frame(DAYS), columns)
    for form in ("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%b %d, %Y %H:%M", "%m/%d/%Y %I:%M %p"):
        assert np.allclose(features(frame(DAYS.strftime(form).astype(object)), columns), expected), form
    with pytest.raises(DataError, match="column 'when' must hold dates, one of its texts is 'soon'"):
        features(frame(["soon", *DAYS.strftime("%d.%m.%Y")[1:]]), columns)


def test_a_missing_date_has_the_median_and_says_so():
    data = load(frame([None, "", *DAYS.strftime("%Y-%m-%d")[2:]]), target="y")
    names = feature_names(data.columns)
    assert names[:2] == ["when in days", "sine of when's month"]
    assert names[5] == "when is missing"
    x = features(pandas.DataFrame({"when": [None], "n": [1.0]}), data.columns)[0]
    assert x[1:6].tolist() == [0, 0, 0, 0, 1]


def test_the_latest_day_of_a_short_time_has_no_month():
    short = pandas.date_range("2023-01-02", periods=200, freq="40min")
    assert feature_names(load(frame(short), target="y").columns)[:5] == [
        "when in days", "sine of when's weekday", "cosine of when's weekday", "sine of when's hour", "cosine of when's hour",
    ]  # fmt: skip
