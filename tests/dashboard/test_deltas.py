from hypothesis import given
from hypothesis import strategies as st

from scarcity.dashboard.deltas import apply, change

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text("abc", max_size=1), VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_a_change_makes_the_new_document_of_the_old_one(old: object, new: object) -> None:
    what = change(old, new)
    assert (old if what is None else apply(old, what)) == new


@given(DOCUMENTS)
def test_equal_documents_have_no_change(document: object) -> None:
    assert change(document, document) is None


def test_a_series_that_grows_is_sent_by_its_end() -> None:
    assert change({"y": [1, 2]}, {"y": [1, 2, 3]}) == {"m": {"y": {"s": [2, [3]]}}}


def test_true_and_one_are_not_the_same() -> None:
    assert change({"a": True}, {"a": 1}) == {"m": {"a": {"v": 1}}}
