-- Times are TIMESTAMPTZ, exact to the microsecond; `time_of` and `us_of` turn them from and to microseconds since
-- 1970-01-01 UTC, the time of the rest of Aforo. Stable, not immutable, so that the planner puts their bodies in place.
CREATE FUNCTION time_of(us bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN timestamptz '1970-01-01 00:00:00+00' + us * interval '1 microsecond';
CREATE FUNCTION us_of(at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (extract(epoch FROM at) * 1000000)::bigint;

CREATE TABLE site (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id text NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    policies text NOT NULL DEFAULT '' -- those in force, JSON
);
INSERT INTO site (id, name, timezone) VALUES ('site', '', 'UTC');

CREATE TABLE cameras (
    id text PRIMARY KEY,
    name text NOT NULL,
    source text NOT NULL -- without credentials
);

CREATE TABLE geometry (
    kind text NOT NULL CHECK (kind IN ('line', 'zone', 'movement')),
    id text NOT NULL,
    version text NOT NULL,
    camera text NOT NULL,
    definition text NOT NULL, -- JSON, as in the site file
    registered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, id, version)
);

CREATE TABLE live_endpoints (
    camera text PRIMARY KEY,
    url text NOT NULL,
    seen_at timestamptz NOT NULL
);

-- The site's local days that have rows, with the instants at which their hours begin: 23, 24 or 25 of them.
CREATE TABLE local_days (
    day date PRIMARY KEY,
    start timestamptz NOT NULL,
    until timestamptz NOT NULL,
    hours timestamptz[] NOT NULL
);

CREATE TABLE crossings (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    line text NOT NULL,
    ordinal integer NOT NULL,
    at timestamptz NOT NULL CHECK (at >= '1970-01-01 00:00:00+00'),
    direction text NOT NULL,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL
);
CREATE INDEX crossings_by_time ON crossings (line, at);

CREATE TABLE visits (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    zone text NOT NULL,
    ordinal integer NOT NULL,
    entered_at timestamptz NOT NULL CHECK (entered_at >= '1970-01-01 00:00:00+00'),
    left_at timestamptz,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL
);
CREATE INDEX visits_by_entry ON visits (zone, entered_at);
CREATE INDEX visits_by_exit ON visits (zone, left_at);

CREATE TABLE movements (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    movement text NOT NULL,
    ordinal integer NOT NULL,
    entered_at timestamptz NOT NULL CHECK (entered_at >= '1970-01-01 00:00:00+00'),
    at timestamptz NOT NULL,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL
);
CREATE INDEX movements_by_time ON movements (at);

CREATE TABLE coverage (
    camera text NOT NULL,
    session text NOT NULL,
    minute timestamptz NOT NULL CHECK (minute >= '1970-01-01 00:00:00+00'),
    observed_us bigint NOT NULL,
    frames bigint NOT NULL,
    dropped bigint NOT NULL,
    PRIMARY KEY (camera, minute, session)
);
CREATE INDEX coverage_by_time ON coverage (minute) WHERE observed_us > 0;

CREATE TABLE trajectories (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    started_at timestamptz NOT NULL CHECK (started_at >= '1970-01-01 00:00:00+00'),
    ended_at timestamptz NOT NULL,
    road_user text NOT NULL,
    aspect double precision NOT NULL,
    points bytea NOT NULL -- as aggregate.trajectories writes them
);
CREATE INDEX trajectories_by_start ON trajectories (camera, started_at);
