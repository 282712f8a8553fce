"""Files into the register: what is read, what is refused and how it is told, and that nothing comes in by halves."""

import io
import json

import pytest
from sqlalchemy import func, select

from app.assets.importing import ImportReport, import_register
from app.assets.models import Container, ContainerModel, Crew, Facility, Site, Vehicle, Zone
from app.db import TenantSession
from app.errors import NotFound
from app.tenancy.models import AuditEntry
from app.tenancy.scope import rows_of
from tests.factories import assets as make


def imported(session: TenantSession, kind: str, text: str | bytes, *, dry_run: bool = False) -> ImportReport:
    return import_register(session, kind, io.BytesIO(text.encode() if isinstance(text, str) else text), dry_run=dry_run)


def done(report: ImportReport) -> tuple[int, int, int]:
    assert report.problems == []
    return report.created, report.updated, report.unchanged


def told(report: ImportReport) -> list[tuple[int, str, str]]:
    """Row, column and value of each problem."""
    return [(problem.row, problem.field, problem.value) for problem in report.problems]


def count(session: TenantSession, model: type) -> int:
    return session.scalar(rows_of(session, model).with_only_columns(func.count())) or 0


def only(session: TenantSession, model: type):
    return session.scalars(rows_of(session, model)).one()


HOURS = "mon-fri 6:00-15:00 | sat 07:00-24:00"
SITES = "code,name,lat,lon\nP1,Plaza,-29.90,-71.25\nP2,Port,-29.95,-71.34\n"


def test_new_codes_are_created_changed_ones_updated_and_the_rest_is_left(session: TenantSession):
    assert done(imported(session, "sites", SITES)) == (2, 0, 0)
    assert done(imported(session, "sites", SITES.replace("Port", "Old port") + "P3,Park,-29.91,-71.26\n")) == (1, 1, 1)
    assert {site.name for site in session.scalars(rows_of(session, Site))} == {"Plaza", "Old port", "Park"}


def test_an_update_raises_the_version_and_an_unchanged_row_keeps_it(session: TenantSession):
    imported(session, "sites", SITES)
    imported(session, "sites", SITES.replace("Port", "Old port"))
    assert {site.code: site.row_version for site in session.scalars(rows_of(session, Site))} == {"P1": 1, "P2": 2}


def test_columns_that_a_file_does_not_have_stay_as_they_are(session: TenantSession):
    make.site(session, code="P1", name="Old", setup_s=300, access_note="gate 12")
    assert done(imported(session, "sites", SITES)) == (1, 1, 0)
    kept = session.scalars(rows_of(session, Site).where(Site.code == "P1")).one()
    assert (kept.setup_s, kept.access_note) == (300, "gate 12")


def test_an_empty_cell_means_the_default(session: TenantSession):
    make.site(session, code="P1", setup_s=300)
    imported(session, "sites", "code,name,lat,lon,setup_s\nP1,Plaza,-29.9,-71.25,\n")
    assert only(session, Site).setup_s == 120


@pytest.mark.parametrize(
    "text",
    [
        "code;name;lat;lon\nP1;Plaza;-29,9012;-71,25\n",
        "\ufeffcode;name;lat;lon\r\nP1;Plaza;-29,9012;-71,25\r\n",
        "code\tname\tlat\tlon\nP1\tPlaza\t-29.9012\t-71.25\n",
        'Code,Name,Latitude,Lng\n"P1","Plaza","-29,9012"," -71.25 "\n',
        "sep=;\ncode;name;lat;lon\nP1;Plaza;-29,9012;-71,25\n",
        "\nID,Title,y,x\n".lstrip() + "\nP1,Plaza,-29.9012,-71.25\n\n",
    ],
    ids=["semicolons and decimal commas", "byte order mark", "tabs", "quotes and synonyms", "Excel's sep line", "blank lines"],
)
def test_what_spreadsheets_write_is_read(session: TenantSession, text: str):
    assert done(imported(session, "sites", text)) == (1, 0, 0)
    site = only(session, Site)
    assert (site.code, site.name, site.lat, site.lon) == ("P1", "Plaza", -29.9012, -71.25)


def test_one_bad_row_keeps_all_rows_out_and_is_named(session: TenantSession):
    report = imported(session, "sites", SITES + "P3,Park,91,-71.26\n")
    assert told(report) == [(4, "lat", "91")]
    assert "90" in report.problems[0].problem
    assert (report.rows, report.created, report.unchanged, count(session, Site)) == (3, 0, 0, 0)


def test_rows_that_were_written_before_the_bad_one_are_taken_back(session: TenantSession):
    """1,500 good rows are two bundles, and the first of them is written before row 1,502 is read."""
    good = "".join(f"P{n},Place,-29.9,-71.2\n" for n in range(1500))
    assert told(imported(session, "sites", "code,name,lat,lon\n" + good + "X,,-29.9,-71.2\n")) == [(1502, "name", "")]
    assert count(session, Site) == 0


def test_a_dry_run_counts_and_changes_nothing(session: TenantSession):
    assert done(imported(session, "sites", SITES, dry_run=True)) == (2, 0, 0)
    assert count(session, Site) == 0
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_an_import_leaves_one_audit_entry(session: TenantSession):
    imported(session, "sites", SITES)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.after) == ("site.imported", {"rows": 2, "created": 2, "updated": 0})


def test_only_the_first_hundred_problems_are_told_and_all_are_counted(session: TenantSession):
    report = imported(session, "sites", "code,name,lat,lon\n" + "".join(f"P{n},Place,99,-71.2\n" for n in range(130)))
    assert (len(report.problems), report.problem_count) == (100, 130)


@pytest.mark.parametrize(
    ("header", "column", "mend"),
    [
        ("code,name,lat", "lon", "code, name, lat, lon"),
        ("code,name,lat,lon,setup", "setup", "Did you mean setup_s?"),
        ("code,name,lat,lon,latitude", "lat", "Remove one"),
        ("", "code", "Add it"),
    ],
    ids=["missing", "unknown", "twice", "empty file"],
)
def test_a_wrong_header_is_told_with_its_mend(session: TenantSession, header: str, column: str, mend: str):
    report = imported(session, "sites", f"{header}\nP1,Plaza,1,1,1\n" if header else "")
    assert told(report) == [(1, column, "")]
    assert mend in report.problems[0].mend


@pytest.mark.parametrize(
    ("column", "cell", "mend"),
    [
        ("setup_s", "1,200", "Write one of them."),
        ("setup_s", "a while", "decimal point"),
        ("setup_s", "90.5", "Round it."),
        ("zone", "Centra", "Did you mean Centro?"),
        ("time_windows", "weekdays 6 to 15", "mon-fri 06:00-15:00"),
        ("time_windows", "moon 06:00-15:00", "mon-fri 06:00-15:00"),
    ],
)
def test_a_cell_that_cannot_be_read_is_told_with_its_mend(session: TenantSession, column: str, cell: str, mend: str):
    make.zone(session, code="Centro")
    report = imported(session, "sites", f'code,name,lat,lon,{column}\nP1,Plaza,-29.9,-71.2,"{cell}"\n')
    assert told(report) == [(2, column, cell)]
    assert mend in report.problems[0].mend


def test_a_code_may_stand_in_a_file_once(session: TenantSession):
    report = imported(session, "sites", SITES + "P1,Plaza,-29.9,-71.25\n")
    assert told(report) == [(4, "code", "P1")]
    assert "row 2" in report.problems[0].problem


def test_a_row_with_too_many_cells_is_refused_and_one_with_too_few_is_not(session: TenantSession):
    report = imported(session, "sites", "code,name,lat,lon\nP1,Plaza, Centro,-29.9,-71.25\n")
    assert report.problems[0].problem == "The row has 5 cells, the header 4."
    assert done(imported(session, "sites", "code,name,lat,lon,address\nP1,Plaza,-29.9,-71.25\n")) == (1, 0, 0)


def test_a_file_in_another_encoding_is_refused(session: TenantSession):
    report = imported(session, "sites", "code,name,lat,lon\nP1,Peñuelas,-29.9,-71.25\n".encode("latin-1"))
    assert report.problems[0].mend == "Save the file as CSV UTF-8."


def test_a_quote_that_is_never_closed_is_told(session: TenantSession):
    report = imported(session, "sites", 'code,name,lat,lon\nP1,"Plaza,-29.9,-71.25\n')
    assert "Is not CSV" in report.problems[0].problem
    assert count(session, Site) == 0


def test_another_tenants_codes_are_unknown(session: TenantSession, database, other_tenant_id: int):
    with database.transaction(other_tenant_id) as theirs:
        make.zone(theirs, code="Z1")
    report = imported(session, "sites", "code,name,lat,lon,zone\nP1,Plaza,-29.9,-71.25,Z1\n")
    assert told(report) == [(2, "zone", "Z1")]


def test_containers_have_from_their_model_what_the_file_leaves_out(session: TenantSession):
    make.site(session, code="P1")
    make.container_model(session, code="M1", volume_l=1100, empty_distance_mm=1200, full_distance_mm=150)
    rows = "code,site,model,class,volume_l,tags\nK1,P1,M1,Residual,,\nK2,P1,M1,glass,800,school|corner\n"
    assert done(imported(session, "containers", rows)) == (2, 0, 0)
    first, second = session.scalars(rows_of(session, Container).order_by(Container.code))
    assert (first.volume_l, first.empty_distance_mm, first.full_distance_mm, first.tags) == (1100, 1200, 150, [])
    assert (second.volume_l, second.tags) == (800, ["school", "corner"])


def test_a_container_that_cannot_bear_its_class_is_told_by_row(session: TenantSession):
    """1,100 l of glass at 300 kg/m³ weigh 330 kg; the model bears 200."""
    make.site(session, code="P1")
    make.container_model(session, code="M1", max_load_kg=200)
    report = imported(session, "containers", "code,site,model,waste_class\nK1,P1,M1,residual\nK2,P1,M1,glass\n")
    assert told(report) == [(3, "waste_class", "glass")]
    assert "330 kg" in report.problems[0].problem


def test_every_kind_of_file_has_a_smallest_form(session: TenantSession):
    area = json.dumps({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}).replace('"', '""')
    files = {
        "zones": f'code,name,population,area\nZ1,Centro,1200,"{area}"\n',
        "depots": "code,name,lat,lon\nD1,Yard,-29.95,-71.34\n",
        "facilities": f"code,name,lat,lon,accepts,hours,fee_per_t\nF1,Plant,-29.9,-71.3,glass|paper,{HOURS},12.50\n",
        "container-models": "code,name,volume_l,max_load_kg,lift_kind,empty_distance_mm,full_distance_mm\nM1,Small,240,96,rear,950,100\n",
        "vehicles": "code,type,depot,payload\nV1,rear_loader_26t,D1,9500\n",
        "crews": "code,name,depot,vehicle,shift_start,shift_end\nC1,Early,D1,V1,6:00,14:00\n",
    }
    assert {kind: done(imported(session, kind, text)) for kind, text in files.items()} == dict.fromkeys(files, (1, 0, 0))
    assert only(session, Facility).opening_hours == [
        {"weekdays": [0, 1, 2, 3, 4], "opens": "06:00", "closes": "15:00"},
        {"weekdays": [5], "opens": "07:00", "closes": "24:00"},
    ]
    assert (only(session, Vehicle).payload_kg, only(session, Vehicle).body_volume_l) == (9500, 21_000)
    assert only(session, Crew).vehicle_id == only(session, Vehicle).id
    assert only(session, Zone).area["type"] == "Polygon"
    assert {kind: done(imported(session, kind, text)) for kind, text in files.items()} == dict.fromkeys(files, (0, 0, 1))


def test_a_vehicle_that_is_no_preset_must_say_all_its_figures(session: TenantSession):
    make.depot(session, code="D1")
    report = imported(session, "vehicles", "code,vehicle_type,depot,payload_kg\nV1,tuk-tuk,D1,300\n")
    assert {problem.field for problem in report.problems} >= {"body_volume_l", "cost_per_km"}
    assert "rear_loader_26t" in report.problems[0].mend


def test_an_unknown_kind_of_file_is_not_found(session: TenantSession):
    with pytest.raises(NotFound, match="container-models"):
        imported(session, "bins", SITES)


def test_a_large_file_takes_few_queries(session: TenantSession, statements):
    make.site(session, code="P1")
    make.container_model(session, code="M1")
    rows = "".join(f"K{n},P1,M1,residual\n" for n in range(2500))
    with statements() as seen:
        assert done(imported(session, "containers", "code,site,model,waste_class\n" + rows)) == (2500, 0, 0)
    writes = [one for one in seen if one.startswith("INSERT INTO container ")]
    assert len(seen) - len(writes) <= 12
    assert len(writes) <= 10
    assert count(session, ContainerModel) == 1


def test_the_file_stays_open_for_whoever_opened_it(session: TenantSession):
    file = io.BytesIO(SITES.encode())
    import_register(session, "sites", file)
    assert not file.closed


def test_a_report_reads_as_lines_for_the_terminal(session: TenantSession):
    assert str(imported(session, "sites", SITES, dry_run=True)) == ("sites: 2 rows, 2 would be created, 0 would be updated, 0 unchanged")
    assert str(imported(session, "sites", SITES)) == "sites: 2 rows, 2 created, 0 updated, 0 unchanged"
    bad = str(imported(session, "sites", "code,name,lat,lon,setup_s\nP1,,-29.9,-71.2,1.5\n" + "P2,,91,-71.2,\n" * 100))
    assert bad.splitlines()[:2] == ["sites: nothing was imported, because of:", "row 2, setup_s: '1.5' Is not a whole number. Round it."]
    assert bad.splitlines()[-1] == "and 101 more"
