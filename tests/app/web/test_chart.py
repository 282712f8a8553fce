"""Charts: what a reader can redo with a ruler."""

from datetime import UTC, date, datetime

from app.web.chart import Band, Line, draw

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (23, 24, 25))


def test_a_line_runs_from_edge_to_edge_and_its_top_is_a_round_number():
    chart = draw([Line("l", "line", [(MONDAY, 0.0), (TUESDAY, 50.0), (WEDNESDAY, 100.0)])], unit="%")

    (_, paths, dots) = chart.lines[0]
    middle = ((chart.left + chart.right) / 2, (chart.top + chart.bottom) / 2)
    assert paths == [f"M{chart.left:.1f},{chart.bottom:.1f}L{middle[0]},{middle[1]}L{chart.right:.1f},{chart.top:.1f}"]
    assert dots == []
    assert [tick.label for tick in chart.y_ticks] == ["0", "25", "50", "75", "100"]
    assert [tick.label for tick in chart.x_ticks] == ["23 Nov", "24 Nov", "25 Nov"]


def test_a_day_without_a_figure_breaks_the_line_and_a_lone_one_is_a_dot():
    thursday = date(2026, 11, 26)
    chart = draw([Line("l", "line", [(MONDAY, 1.0), (TUESDAY, 2.0), (WEDNESDAY, None), (thursday, 3.0)])], unit="l/km")

    (_, paths, dots) = chart.lines[0]
    assert (len(paths), len(dots)) == (1, 1)


def test_nothing_known_is_nothing_drawn():
    assert draw([Line("l", "line", [(MONDAY, None)])], unit="%") is None


def test_marks_outside_the_time_shown_are_left_out_and_bands_close():
    at = [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (6, 12, 18)]
    band = Band("80 %", "interval", [(at[0], 10.0, 20.0), (at[1], 12.0, 30.0)])
    chart = draw(
        [Line("l", "line", [(at[0], 15.0), (at[1], 20.0)])], unit="%", bands=[band], marks=[(at[1], "emptied"), (at[2], "emptied")]
    )

    assert len(chart.marks) == 1
    ((_, outline),) = chart.bands
    assert outline.count("L") == 3
    assert outline.endswith("Z")


def test_noise_below_the_floor_does_not_stretch_the_axis_but_real_depths_do():
    def labels(lowest: float) -> list[str]:
        chart = draw([Line("l", "line", [(MONDAY, lowest), (TUESDAY, 100.0)])], unit="%")
        return [tick.label for tick in chart.y_ticks]

    assert labels(-1.0) == ["0", "25", "50", "75", "100"]
    assert labels(-50.0) == ["-50", "0", "50", "100"]
