"""What every camera keeps, and what every real one keeps besides."""

from itertools import pairwise
from typing import Any

from sortline_edge.ports import Frame, NoFrame


def next_frame(rig: Any, timeout_s: float = 1.0, max_age_s: float = 1.0) -> Frame:
    rig.ready()
    frame = rig.camera.read(timeout_s, max_age_s)
    assert isinstance(frame, Frame)
    return frame


class TestEveryCamera:
    def test_no_frame_comes_twice_and_numbers_and_times_grow(self, rig: Any) -> None:
        frames = [next_frame(rig) for _ in range(6)]
        assert all(before.sequence < after.sequence for before, after in pairwise(frames))
        assert all(before.captured_ns < after.captured_ns for before, after in pairwise(frames))

    def test_without_a_loss_numbers_grow_by_one(self, rig: Any) -> None:
        frames = [next_frame(rig) for _ in range(6)]
        assert {after.sequence - before.sequence for before, after in pairwise(frames)} == {1}

    def test_a_frame_is_a_picture_from_the_past_in_a_declared_order(self, rig: Any) -> None:
        frame = next_frame(rig)
        assert frame.captured_ns <= rig.clock.now_ns()
        assert frame.image.ndim == 3
        assert (frame.image.shape[2], frame.image.dtype) == (3, "uint8")
        assert frame.image.flags.c_contiguous
        assert frame.order in {"RGB", "BGR"}

    def test_the_picture_stays_when_others_come(self, rig: Any) -> None:
        frame = next_frame(rig)
        copy = frame.image.copy()
        for _ in range(6):
            next_frame(rig)
        assert (frame.image == copy).all()

    def test_none_comes_before_its_time(self, rig: Any) -> None:
        next_frame(rig)
        rig.stall()
        before_ns = rig.clock.now_ns()
        assert rig.camera.read(0.004, 1.0) is NoFrame.YET
        assert rig.clock.now_ns() - before_ns <= 4_000_000
        next_frame(rig)

    def test_a_read_that_got_nothing_takes_nothing_from_the_next(self, rig: Any) -> None:
        first = next_frame(rig)
        rig.stall()
        for _ in range(8):
            assert rig.camera.read(0, 1.0) is NoFrame.YET
        assert next_frame(rig).captured_ns > first.captured_ns

    def test_closing_it_twice_is_harmless(self, rig: Any) -> None:
        next_frame(rig)
        rig.camera.close()
        rig.camera.close()

    def test_closing_it_after_a_stall_is_harmless(self, rig: Any) -> None:
        next_frame(rig)
        rig.stall()
        assert rig.camera.read(0, 1.0) is NoFrame.YET
        rig.camera.close()


class TestARealCamera:
    def test_a_slow_reader_gets_the_newest_and_a_gap(self, live: Any) -> None:
        first = next_frame(live)
        live.come(5)
        frame = next_frame(live)
        assert frame.sequence - first.sequence >= 5
        assert live.clock.now_ns() - frame.captured_ns < 100_000_000

    def test_a_frame_that_has_become_too_old_is_not_given_but_counted(self, live: Any) -> None:
        first = next_frame(live)
        live.stall()
        assert live.camera.read(0.001, 1.0) is NoFrame.YET
        live.come(1)
        live.stall()
        self.pass_s(live, 2.0)
        assert live.camera.read(0.001, 1.0) is NoFrame.YET
        frame = next_frame(live)
        assert frame.sequence > first.sequence + 1

    def test_a_long_stall_gives_none_and_then_goes_on(self, live: Any) -> None:
        first = next_frame(live)
        live.stall()
        assert [live.camera.read(0.001, 1.0) for _ in range(20)] == [NoFrame.YET] * 20
        assert next_frame(live).captured_ns > first.captured_ns

    def test_it_goes_on_for_longer_than_there_are_buffers(self, live: Any) -> None:
        assert len({next_frame(live).sequence for _ in range(50)}) == 50

    @staticmethod
    def pass_s(live: Any, seconds: float) -> None:
        if hasattr(live.clock, "pass_s"):
            live.clock.pass_s(seconds)
        else:
            live.clock.wait_until_ns(live.clock.now_ns() + round(1e9 * seconds))
