"""The short form of tests/bench/recovery.py: a log four times as long does not make recovery longer."""

from tests.bench.recovery import TAIL, run


def test_the_time_to_be_back_after_a_lost_disk_does_not_grow_with_the_log(fresh_stack, lead_to, tmp_path):
    lead_to(fresh_stack(workers=0))
    one, four = run(tmp_path, (1, 4), 2_000, replay=False)
    assert four.log_events > 3 * one.log_events
    assert one.events_read == four.events_read == TAIL
    assert four.cpu_seconds < 2 * one.cpu_seconds
