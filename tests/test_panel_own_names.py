"""Councils' names in the spellings of publishers: known, doubtful or unknown, never guessed."""

from __future__ import annotations

import pytest

from evallib.panel import open_store
from evallib.panel.own.names import NameBook


@pytest.fixture(scope="module")
def names() -> NameBook:
    store = open_store()
    return NameBook(store.councils, store.code_changes)


KNOWN = {
    "Bristol, City of": "E06000023",
    "City of Bristol Council": "E06000023",
    "BRISTOL UA": "E06000023",
    "Kingston-upon-Hull, City of": "E06000010",
    "Hull City Council": "E06000010",
    "Herefordshire, County of UA": "E06000019",
    "County Durham": "E06000047",
    "Durham": "E06000047",
    "Durham County Council": "E06000047",
    "Northumberland": "E06000057",
    "Wiltshire Council": "E06000054",
    "Rutland County Council": "E06000017",
    "Isle of Wight Council": "E06000046",
    "The Royal Borough of Windsor and Maidenhead": "E06000040",
    "Windsor & Maidenhead, Royal Borough of": "E06000040",
    "Telford & Wrekin": "E06000020",
    "Bournemouth, Christchurch & Poole": "E06000058",
    "Cambridge City": "E07000008",
    "Cambridgeshire CC": "E10000003",
    "Gloucester City Council": "E07000081",
    "Gloucestershire County Council": "E10000013",
    "King\u2019s Lynn & West Norfolk BC": "E07000146",
    "Stratford upon Avon District": "E07000221",
    "St. Albans City and District Council": "E07000240",
    "Folkestone & Hythe": "E07000112",
    "Shepway": "E07000112",
    "Saint Helens MBC": "E08000013",
    "Bradford Metropolitan District Council": "E08000032",
    "Wirral  Metropolitan\u00a0Borough Council": "E08000015",
    "London Borough of Camden": "E09000007",
    "Camden LB": "E09000007",
    "Kensington & Chelsea, Royal Borough of": "E09000020",
    "City of London Corporation": "E09000001",
    "Westminster, City of": "E09000033",
    "M\u00e9ndip": "E07000187",
    "Bedford Borough Council": "E06000055",
}


@pytest.mark.parametrize("name", KNOWN)
def test_usual_spellings_are_known(names: NameBook, name: str) -> None:
    answer = names.find(name, 2018)
    assert (answer.certainty, answer.code) == ("known", KNOWN[name])


def test_every_council_answers_to_its_own_name_with_or_without_its_type(names: NameBook) -> None:
    councils = open_store().councils
    suffix = {
        "county": " County Council",
        "district": " District Council",
        "unitary": " UA",
        "metropolitan district": " MBC",
        "london borough": " LB",
    }
    for row in councils.to_dict("records"):
        first = int(row["valid_to"][:4]) - 3 if row["valid_to"] else 2024
        name = row["council_name"]
        assert names.find(name, first).code == row["council_code"], name
        if not name.endswith((" County", " Council")) and name != "City of London":
            longer = name + suffix[row["council_type"]]
            assert names.find(longer, first).code == row["council_code"], longer


DATED = {
    ("Buckinghamshire", 2018): "E10000002",
    ("Buckinghamshire", 2020): "E06000060",
    ("Dorset", 2018): "E10000009",
    ("Dorset", 2019): "E06000059",
    ("Dorset Council", 2019): "E06000059",
    ("North Yorkshire", 2022): "E10000023",
    ("North Yorkshire", 2023): "E06000065",
    ("Somerset Council", 2023): "E06000066",
    ("Cumbria", 2018): "E10000006",
    ("Cumbria", 2024): "E10000006",
    ("Northamptonshire", 2022): "E10000021",
    ("Cornwall", 2007): "E10000005",
    ("Bedford", 2007): "E07000002",
}


@pytest.mark.parametrize("name,first", DATED)
def test_a_name_is_that_of_the_council_then_in_office(
    names: NameBook, name: str, first: int
) -> None:
    assert names.find(name, first).code == DATED[name, first]


DOUBTFUL = {
    ("Newcastle", 2018): ["E08000021", "E07000195"],
    ("Newcastle City Council", 2018): ["E08000021", "E07000195"],
    ("Richmond", 2018): ["E09000027", "E07000166"],
    ("Brighton", 2018): ["E06000043"],
    ("Dorset Council", 2015): ["E06000059", "E10000009"],
    ("Dorset County Council", 2020): ["E06000059", "E10000009"],
    ("Bedfordshire", 2018): ["E10000001"],
    ("Durham", 2007): ["E06000047", "E07000056", "E10000010"],
    ("Bristol District Council", 2018): ["E06000023"],
    ("Salisbury City Council", 2020): ["E07000232"],
    ("Middlesborough", 2018): ["E06000002"],
    ("Westmoreland and Furness", 2023): ["E06000064"],
}


@pytest.mark.parametrize("name,first", DOUBTFUL)
def test_doubtful_names_have_candidates_and_no_code(names: NameBook, name: str, first: int) -> None:
    answer = names.find(name, first)
    assert (answer.certainty, answer.code) == ("doubtful", "")
    assert [one.code for one in answer.candidates] == DOUBTFUL[name, first]


@pytest.mark.parametrize("name", ["England", "South East", "London", "Total", "all", ""])
def test_areas_and_rubbish_are_nobody(names: NameBook, name: str) -> None:
    answer = names.find(name, 2018)
    assert (answer.certainty, answer.candidates) == ("unknown", ())
