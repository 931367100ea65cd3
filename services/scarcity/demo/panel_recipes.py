"""Columns of the archive that make a panel: target and features as its literature has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, log1p

Line = Mapping[str, str]
Reader = Callable[[Line], float]


@dataclass(frozen=True)
class Recipe:
    """How to read a panel.

    Attributes:
        member: CSV of the archive, below `resources/rdata/csv/`.
        entity: name of a line's entity.
        features: how to read each, by name.
        target: name, and how to read it.
        support_rows: rows that a client adapts on: 6 of long panels, 3 of those with 5 to 9 rows.
    """

    member: str
    entity: Callable[[Line], str]
    features: Mapping[str, Reader]
    target: tuple[str, Reader]
    support_rows: int


def number(column: str) -> Reader:
    """The column's number."""
    return lambda line: float(line[column])


def _log(column: str) -> Reader:
    return lambda line: log(float(line[column]))


def _log1p(column: str) -> Reader:
    return lambda line: log1p(float(line[column]))


def indicator(column: str, value: str = "yes") -> Reader:
    """1 where the column has the value, else 0."""
    return lambda line: float(line[column] == value)


def _log_ratio(column: str, by: str) -> Reader:
    return lambda line: log(float(line[column]) / float(line[by]))


def _called(stem: str, column: str) -> Callable[[Line], str]:
    return lambda line: f"{stem}-{line[column]}"


def _person_of_seven_years(line: Line) -> str:
    # Wages has no column for it: each person's seven years follow each other.
    return f"person-{(int(line['']) - 1) // 7 + 1}"


# Ecdat's header of PatentsHGH is shifted: the six columns called logr...logr5 hold pat...pat4 and
# logr, those called pat...pat4 hold logr1...logr5 (the counts are integers, and lag k of a year is
# lag k - 1 of the year before).
_RD_COLUMNS = ("logr5", "pat", "pat1", "pat2", "pat3", "pat4")
_WAGES_BY_TRADE = {
    "construction": "wcon",
    "transport": "wtuc",
    "trade": "wtrd",
    "finance": "wfir",
    "services": "wser",
    "manufacturing": "wmfg",
    "federal": "wfed",
    "state": "wsta",
    "local": "wloc",
}

RECIPES = {
    # Summers and Heston (1991), QJE 106.
    "economic": Recipe(
        "plm/SumHes",
        lambda line: line["country"],
        {
            "year": number("year"),
            "log_population": _log("pop"),
            "saving_rate": number("sr"),
            "opec": indicator("opec"),
            "communist": indicator("com"),
        },
        ("log_gdp_per_capita", _log("gdp")),
        6,
    ),
    # Hilbe (2011), Negative Binomial Regression; hospitals of Arizona.
    "medical": Recipe(
        "COUNT/medpar",
        _called("hospital", "provnum"),
        {name: number(name) for name in ("hmo", "white", "died", "age80", "type2", "type3")},
        ("log_length_of_stay", _log("los")),
        6,
    ),
    # Hall, Griliches and Hausman (1986), International Economic Review 27.
    "technology": Recipe(
        "Ecdat/PatentsHGH",
        _called("firm", "cusip"),
        {
            "year": number("year"),
            "science_sector": indicator("scisect"),
            "log_capital": number("logk"),
            **{
                f"log_rd_lag{lag}" if lag else "log_rd": number(column)
                for lag, column in enumerate(_RD_COLUMNS)
            },
        },
        ("log_patents", _log1p("logr")),
        3,
    ),
    # Baltagi and Pinnoi (1995), Empirical Economics 20: public capital in its three parts. The
    # archive's text calls pc public; it is the private capital (pcap is the sum of the three).
    "production": Recipe(
        "plm/Produc",
        _called("state", "state"),
        {
            "year": number("year"),
            "log_highways": _log("hwy"),
            "log_water": _log("water"),
            "log_other_public": _log("util"),
            "log_private_capital": _log("pc"),
            "log_employment": _log("emp"),
            "unemployment": number("unemp"),
        },
        ("log_gross_product", _log("gsp")),
        6,
    ),
    # Baltagi and Levin (1992); prices and income deflated as they do.
    "tobacco": Recipe(
        "plm/Cigar",
        _called("state", "state"),
        {
            "year": number("year"),
            "log_real_price": _log_ratio("price", "cpi"),
            "log_real_income": _log_ratio("ndi", "cpi"),
            "log_real_neighbour_price": _log_ratio("pimin", "cpi"),
        },
        ("log_packs_per_capita", _log("sales")),
        6,
    ),
    # Arellano and Bond (1991), Review of Economic Studies 58: labour demand.
    "british-firms": Recipe(
        "plm/EmplUK",
        _called("firm", "firm"),
        {
            "year": number("year"),
            "log_wage": _log("wage"),
            "log_capital": _log("capital"),
            "log_output": _log("output"),
        },
        ("log_employment", _log("emp")),
        3,
    ),
    # Alonso-Borrego and Arellano (1999), JBES 17; the columns are logarithms already. Labour demand
    # as above: intermediate inputs and cash flow, which come after employment, are left out.
    "spanish-firms": Recipe(
        "plm/Snmesp",
        _called("firm", "firm"),
        {
            "year": number("year"),
            "log_wage": number("w"),
            "log_capital": number("k"),
            "log_output": number("y"),
        },
        ("log_employment", number("n")),
        3,
    ),
    # Cornwell and Rupert (1988), Journal of Applied Econometrics 3: all their regressors.
    "wages": Recipe(
        "plm/Wages",
        _person_of_seven_years,
        {
            "experience": number("exp"),
            "experience_squared": lambda line: float(line["exp"]) ** 2,
            "weeks": number("wks"),
            "blue_collar": indicator("bluecol"),
            "manufacturing": number("ind"),
            "south": indicator("south"),
            "city": indicator("smsa"),
            "married": indicator("married"),
            "union": indicator("union"),
            "female": indicator("sex", "female"),
            "black": indicator("black"),
            "education": number("ed"),
        },
        ("log_wage", number("lwage")),
        3,
    ),
    # Cornwell and Trumbull (1994), Review of Economics and Statistics 76: all their regressors.
    "crime": Recipe(
        "plm/Crime",
        _called("county", "county"),
        {
            "year": number("year"),
            "log_arrests": _log("prbarr"),
            "log_convictions": _log("prbconv"),
            "log_prison": _log("prbpris"),
            "log_sentence": _log("avgsen"),
            "log_police": _log("polpc"),
            "log_density": _log("density"),
            "log_tax": _log("taxpc"),
            "west": indicator("region", "west"),
            "central": indicator("region", "central"),
            "city": indicator("smsa"),
            "log_minority": _log("pctmin"),
            **{f"log_wage_{trade}": _log(column) for trade, column in _WAGES_BY_TRADE.items()},
            "log_offence_mix": _log("mix"),
            "log_young_male": _log("pctymle"),
        },
        ("log_crime_rate", _log("crmrte")),
        3,
    ),
    # Hilbe (2014), Modeling Count Data: visits to the doctor. Days in hospital are an outcome too.
    "health": Recipe(
        "COUNT/rwm5yr",
        _called("person", "id"),
        {
            name: number(name)
            for name in (
                "year",
                "age",
                "outwork",
                "female",
                "married",
                "kids",
                "hhninc",
                "educ",
                "self",
            )
        },
        ("log_visits", _log1p("docvis")),
        3,
    ),
}
