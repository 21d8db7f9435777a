from sidecar.observer.numbering import Known, numbers


def known(id_, *members):
    return Known(id_, frozenset(members), 1.0)


def ids(groups, searched, *before):
    return [was.id if was else None for was in numbers(groups, searched, before)]


def test_a_first_search_knows_nobody():
    assert ids([{1, 2}, {3}], range(9)) == [None, None]


def test_a_group_that_grew_or_shrank_keeps_its_number():
    assert ids([{1, 2, 3, 4, 5, 6, 7, 8}], range(9), known(7, 1, 2, 3)) == [7]
    assert ids([{1, 2}], range(9), known(7, 1, 2, 3, 4, 5)) == [7]


def test_rows_that_have_grown_old_do_not_count_against_it():
    assert ids([{8, 9, 20, 21, 22}], {8, 9, 20, 21, 22}, known(7, 1, 2, 3, 4, 5, 8, 9)) == [7]


def test_of_a_group_that_fell_apart_the_larger_part_keeps_the_number():
    assert ids([{1, 2}, {3, 4, 5, 6}], range(9), known(7, 1, 2, 3, 4, 5, 6)) == [None, 7]


def test_of_two_that_were_joined_the_larger_one_gives_the_number():
    assert ids([{1, 2, 3, 4, 5}], range(9), known(7, 1, 2), known(8, 3, 4, 5)) == [8]


def test_equal_claims_go_to_the_older_number():
    assert ids([{1, 2, 3, 4}], range(9), known(8, 3, 4), known(7, 1, 2)) == [7]


def test_a_stranger_with_a_few_of_its_rows_is_not_it():
    assert ids([{1, 10, 11, 12}], range(20), known(7, 1, 2, 3, 4, 5, 6, 13)) == [None]
    before = (known(7, 1, 2, 3, 4, 5, 6), known(8, 10, 11, 12, 13, 14))
    assert ids([{1, 2, 10, 11, 12, 13}], range(20), *before) == [8]


def test_two_groups_never_share_a_number():
    assert ids([{1, 2, 3}, {4, 5, 6}], range(9), known(7, 1, 2, 4, 5)) in ([7, None], [None, 7])
