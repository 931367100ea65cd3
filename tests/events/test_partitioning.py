from aiokafka.partitioner import murmur2 as kafkas
from hypothesis import given
from hypothesis import strategies as st

from scarcity.events.partitioning import murmur2, partition_of


@given(st.binary(max_size=40))
def test_keys_go_where_kafkas_clients_send_them(key: bytes) -> None:
    assert murmur2(key) == kafkas(key) & 0xFFFFFFFF
    assert 0 <= partition_of(key, 7) < 7
