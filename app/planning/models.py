"""Nights and their plans: the job, the plan with its routes and stops, and each container's reason."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Id, TenantOwned, TenantRow, Versioned, enum_type, same_tenant


class JobStatus(StrEnum):
    """How far a night's job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class PlanStatus(StrEnum):
    """What a plan is worth: one a service date is published; the others are history or proposals."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class PlanOrigin(StrEnum):
    """How a plan came about."""

    NIGHT = "night"
    REPLAN = "replan"
    FIXED_ROUND = "fixed_round"
    LAST_PLAN = "last_plan"


class VisitKind(StrEnum):
    """What a truck does at a place."""

    DEPART = "depart"
    PICKUP = "pickup"
    UNLOAD = "unload"
    BREAK = "break"
    RETURN = "return"


class Decision(StrEnum):
    """What was decided of a container tonight."""

    SERVED = "served"
    NOT_DUE = "not_due"
    NOT_WORTH_IT = "not_worth_it"
    UNSERVED = "unserved"


class HoursRule(StrEnum):
    """The law on drivers' hours that rounds keep, beside each crew's own shift and break; `routing.hours` says how each is read."""

    EU_DRIVING = "eu_driving"
    EU_WORKING_TIME = "eu_working_time"
    GB_DOMESTIC = "gb_domestic"


class PlanningPolicy(TenantOwned, Versioned):
    """A tenant's prices and habits of planning; one row a tenant, defaults where there is none."""

    __tablename__ = "planning_policy"
    __table_args__ = (
        CheckConstraint("overflow_cost_per_onset >= 0 and overflow_cost_per_day >= 0", name="overflow_costs_not_negative"),
        CheckConstraint("must_serve_probability between 0 and 1", name="must_serve_is_probability"),
        CheckConstraint("optional_probability between 0 and 1", name="optional_is_probability"),
        CheckConstraint("solve_s > 0", name="solve_time_positive"),
        CheckConstraint("unfair_cost_per_h >= 0 and unfair_cost_per_100kg >= 0", name="unfair_costs_not_negative"),
        CheckConstraint("change_cost >= 0", name="change_cost_not_negative"),
        CheckConstraint("overweight_probability > 0 and overweight_probability <= 0.5", name="overweight_is_rare"),
    )

    overflow_cost_per_onset: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="40")
    overflow_cost_per_day: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="25")
    must_serve_probability: Mapped[float] = mapped_column(server_default="0.5")
    """From this probability of overflow before the next opportunity on, a container is on the route whatever it costs."""
    optional_probability: Mapped[float] = mapped_column(server_default="0.02")
    """Below this probability it is not offered to the router at all."""
    solve_s: Mapped[int] = mapped_column(server_default="30")
    plan_at: Mapped[time] = mapped_column(server_default="20:00")
    """Local time at which the night of the next service date starts."""
    publish_by: Mapped[time] = mapped_column(server_default="05:15")
    """Local time of the service date; if nobody has published by then, the fixed or the last round goes out by itself."""
    auto_publish: Mapped[bool] = mapped_column(server_default="true")
    """A night's plan that passes every check goes out at once."""
    unfair_cost_per_h: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")
    """Of each hour that a round lasts beyond its fair share of the night; 0: crews need not share evenly."""
    unfair_cost_per_100kg: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")
    """Of each 100 kg that a round collects beyond its fair share."""
    change_cost: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default="0")
    """Of each container that another truck empties than the last time; 0: any may come."""
    hours_rule: Mapped[HoursRule | None] = mapped_column(enum_type(HoursRule))
    overweight_probability: Mapped[float] = mapped_column(server_default="0.05")
    """At most this often a full truck may turn out heavier than permitted; 0.5: plan by the mean, without a margin."""


class PlanningJob(TenantOwned):
    """One tenant's night. However many workers there are, one holds the lease, and only its attempt can publish."""

    __tablename__ = "planning_job"
    __table_args__ = (Index("ix_planning_job_open", "service_date", postgresql_where=text("status in ('queued', 'running')")),)

    service_date: Mapped[date] = mapped_column(primary_key=True)
    status: Mapped[JobStatus] = mapped_column(enum_type(JobStatus), server_default="queued")
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Counts every claim and never goes back: only the newest may publish."""
    tries: Mapped[int] = mapped_column(server_default="0")
    """Claims since somebody asked for it: a night that takes its workers down with it is given up."""
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(120))
    progress: Mapped[str | None] = mapped_column(String(200))
    error: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    deadline_kept_at: Mapped[datetime | None]
    """When it was seen to that something goes out on the day, planned or not."""

    def is_free(self, now: datetime) -> bool:
        """Whether a worker may take it: it waits, or the one that had it has let its lease run out."""
        lapsed = self.status is JobStatus.RUNNING and (self.lease_until is None or self.lease_until < now)
        return self.status is JobStatus.QUEUED or lapsed

    def is_held_by(self, attempt: int) -> bool:
        """Whether what this attempt brings still counts."""
        return self.status is JobStatus.RUNNING and self.attempt == attempt

    def queue(self, now: datetime) -> None:
        """Ask for it (again). What a worker may be doing for an earlier request counts no more."""
        self.status, self.requested_at, self.tries = JobStatus.QUEUED, now, 0
        self.lease_until = self.worker = self.progress = self.error = self.finished_at = None

    def claim(self, worker: str, now: datetime, *, lease: timedelta) -> int:
        """Give it to a worker; returns the attempt that it has to show when it comes back."""
        self.status, self.worker, self.error = JobStatus.RUNNING, worker, None
        self.started_at, self.lease_until, self.finished_at, self.progress = now, now + lease, None, "starting"
        self.attempt += 1
        self.tries += 1
        return self.attempt

    def finish(self, now: datetime, *, error: str | None = None) -> None:
        """Done, or failed for a reason that people can read."""
        self.status = JobStatus.DONE if error is None else JobStatus.FAILED
        self.error, self.finished_at, self.lease_until, self.progress = error, now, None, None


class Plan(TenantRow, Versioned):
    """A checked set of routes for one service date, with all that is needed to solve it again to the same routes."""

    __tablename__ = "plan"
    __table_args__ = (
        Index("uq_plan_published", "tenant_id", "service_date", unique=True, postgresql_where=text("status = 'published'")),
        Index("ix_plan_date", "tenant_id", "service_date"),
        CheckConstraint("lower_bound <= cost", name="bound_below_cost"),
    )

    service_date: Mapped[date]
    status: Mapped[PlanStatus] = mapped_column(enum_type(PlanStatus), server_default="draft")
    origin: Mapped[PlanOrigin] = mapped_column(enum_type(PlanOrigin))
    attempt: Mapped[int] = mapped_column(server_default="1")
    engine: Mapped[str] = mapped_column(String(80))
    seed: Mapped[int]
    roads: Mapped[str] = mapped_column(String(160))
    """Which travel times it stands on: map, engine and version, or the great circle."""
    roads_approximate: Mapped[bool]
    forecast_run_id: Mapped[Id | None]
    input_digest: Mapped[str] = mapped_column(String(64))
    problem: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The problem as solved, compressed JSON."""
    cost: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    lower_bound: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    bound_kind: Mapped[str | None] = mapped_column(String(60))
    violations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Totals and the time of each step, as shown."""
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """Of a day planned again from where its trucks are: the containers whose truck is another than in the plan before."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    published_at: Mapped[datetime | None]
    published_by: Mapped[str | None] = mapped_column(String(254))
    withdrawn_at: Mapped[datetime | None]


class Route(TenantRow):
    """One vehicle's day in a plan."""

    __tablename__ = "route"
    __table_args__ = (
        same_tenant("plan_id", "plan", ondelete="CASCADE"),
        same_tenant("vehicle_id", "vehicle"),
        same_tenant("crew_id", "crew"),
        same_tenant("depot_id", "depot"),
        UniqueConstraint("tenant_id", "plan_id", "vehicle_id"),
    )

    plan_id: Mapped[Id]
    vehicle_id: Mapped[Id]
    crew_id: Mapped[Id | None]
    depot_id: Mapped[Id]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    distance_m: Mapped[int]
    drive_s: Mapped[int]
    service_s: Mapped[int]
    load_kg: Mapped[int]
    load_l: Mapped[int]
    """Loose litres, as they lay in the containers."""
    peak_weight_share: Mapped[float] = mapped_column(REAL)
    """Fullest moment of the day against the payload."""
    peak_volume_share: Mapped[float] = mapped_column(REAL)
    cost: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    costs: Mapped[dict[str, float]] = mapped_column(JSONB, server_default="{}")
    """The same by cause."""
    path: Mapped[list[list[float]]] = mapped_column(JSONB, server_default="[]", deferred=True)
    """[lon, lat] pairs along the streets."""


class RouteVisit(TenantOwned):
    """One thing a truck does on its route, in order."""

    __tablename__ = "route_visit"
    __table_args__ = (
        same_tenant("route_id", "route", ondelete="CASCADE"),
        same_tenant("container_id", "container"),
        same_tenant("facility_id", "facility"),
        Index("ix_route_visit_container", "tenant_id", "container_id"),
        CheckConstraint("(kind = 'pickup') = (container_id is not null)", name="pickup_has_container"),
        CheckConstraint("(kind = 'unload') = (facility_id is not null)", name="unload_has_facility"),
    )

    route_id: Mapped[Id] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[VisitKind] = mapped_column(enum_type(VisitKind))
    container_id: Mapped[Id | None]
    facility_id: Mapped[Id | None]
    arrives_at: Mapped[datetime]
    departs_at: Mapped[datetime]
    leg_distance_m: Mapped[int]
    leg_drive_s: Mapped[int]
    expected_kg: Mapped[int] = mapped_column(server_default="0")
    expected_fill_pct: Mapped[float | None] = mapped_column(REAL)
    load_after_kg: Mapped[int]
    load_after_l: Mapped[int]
    """Compacted litres in the body."""


class ContainerDecision(TenantOwned):
    """Why a container is, or is not, on tonight's route: in words and in numbers."""

    __tablename__ = "container_decision"
    __table_args__ = (
        same_tenant("plan_id", "plan", ondelete="CASCADE"),
        same_tenant("container_id", "container", ondelete="CASCADE"),
        Index("ix_container_decision_container", "tenant_id", "container_id"),
    )

    plan_id: Mapped[Id] = mapped_column(primary_key=True)
    container_id: Mapped[Id] = mapped_column(primary_key=True)
    decision: Mapped[Decision] = mapped_column(enum_type(Decision))
    rule: Mapped[str] = mapped_column(String(60))
    """What decided: `overflow_likely`, `worth_the_detour`, `max_interval`, `not_due`, or the solver's rule for the unserved."""
    mandatory: Mapped[bool]
    expected_fill_pct: Mapped[float | None] = mapped_column(REAL)
    """At the planned visit."""
    overflow_probability: Mapped[float | None] = mapped_column(REAL)
    """Until the container's next opportunity."""
    next_opportunity_at: Mapped[datetime | None]
    cost_of_waiting: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    detour_cost: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    reason: Mapped[str] = mapped_column(Text)
    ways_in: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    """Of one that had to be served and is not: what would let it in, in words, the least asked first."""


class Round(TenantRow, Versioned):
    """A fixed recurring round: the same containers in the same order on the same weekdays."""

    __tablename__ = "round"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), same_tenant("vehicle_id", "vehicle"))

    code: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    vehicle_id: Mapped[Id]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    active: Mapped[bool] = mapped_column(server_default="true")


class RoundContainer(TenantOwned):
    """A container's place in a fixed round."""

    __tablename__ = "round_container"
    __table_args__ = (
        same_tenant("round_id", "round", ondelete="CASCADE"),
        same_tenant("container_id", "container", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "round_id", "container_id"),
    )

    round_id: Mapped[Id] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    container_id: Mapped[Id]


class LoadLearning(TenantRow):
    """What weigh tickets and drivers' reports have taught until an instant: classes, and how well; containers have rows of their own."""

    __tablename__ = "load_learning"
    __table_args__ = (Index("ix_load_learning_until", "tenant_id", "learned_until"),)

    learned_until: Mapped[datetime]
    """Nothing reported later has been used."""
    model_version: Mapped[str] = mapped_column(String(80))
    classes: Mapped[dict[str, dict[str, float]]] = mapped_column(JSONB, server_default="{}")
    """By waste class: density, its standard deviation, tickets; seconds of a lift relative to the register's."""
    spreads: Mapped[dict[str, float]] = mapped_column(JSONB, server_default="{}")
    evaluation: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """How well tickets are foretold, each from all others, beside the register's figures."""
    set_aside: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """Tickets that were not believed, and why."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContainerLoad(TenantOwned):
    """A container's learned density and seconds, as the tenant's newest learning has them. Standard deviations are relative."""

    __tablename__ = "container_load"
    __table_args__ = (
        same_tenant("container_id", "container", ondelete="CASCADE"),
        same_tenant("learning_id", "load_learning", ondelete="CASCADE"),
        CheckConstraint("density_kg_m3 > 0 and lift_s >= 0 and setup_s >= 0", name="figures_possible"),
    )

    container_id: Mapped[Id] = mapped_column(primary_key=True)
    learning_id: Mapped[Id]
    density_kg_m3: Mapped[float] = mapped_column(REAL)
    class_sd: Mapped[float] = mapped_column(REAL)
    """What is not known of all of the class."""
    zone_sd: Mapped[float] = mapped_column(REAL)
    own_sd: Mapped[float] = mapped_column(REAL)
    day_sd: Mapped[float] = mapped_column(REAL)
    """How the class varies from day to day and from trip to trip: all of a truck's load together."""
    single_sd: Mapped[float] = mapped_column(REAL)
    """How one lift varies around the container's usual."""
    tickets: Mapped[int]
    lift_s: Mapped[float] = mapped_column(REAL)
    setup_s: Mapped[float] = mapped_column(REAL)
    visits: Mapped[int]
