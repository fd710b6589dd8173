SELECT pg_advisory_lock(1095126866)
-- next
SELECT installed_version FROM pg_available_extensions WHERE name = 'timescaledb'
-- next
CREATE EXTENSION IF NOT EXISTS timescaledb
-- next
SELECT current_setting('timescaledb.license')
-- next
SELECT pg_advisory_xact_lock(1095126866)
-- next
SELECT to_regclass('schema_version') IS NOT NULL
-- next
CREATE TABLE schema_version (version integer NOT NULL, timescale boolean NOT NULL)
-- next
INSERT INTO schema_version VALUES (0, true)
-- next
SELECT version, timescale FROM schema_version
-- next
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
-- next
-- Days, counted in UTC, in which rows were written, changed or taken out late; kept until TimescaleDB's aggregates of local
-- time have been refreshed for them. Rows are only added, so that writers need not wait for one another.
CREATE TABLE late_days (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    start timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);
-- next
UPDATE schema_version SET version = 2
-- next
SELECT timezone FROM site
-- next
SELECT create_hypertable('crossings', by_range('at', interval '7 days'), create_default_indexes => false);
ALTER TABLE crossings SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera, line', timescaledb.compress_orderby = 'at');
SELECT create_hypertable('visits', by_range('entered_at', interval '7 days'), create_default_indexes => false);
ALTER TABLE visits SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera, zone', timescaledb.compress_orderby = 'entered_at');
SELECT create_hypertable('movements', by_range('at', interval '7 days'), create_default_indexes => false);
ALTER TABLE movements SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera, movement', timescaledb.compress_orderby = 'at');
SELECT create_hypertable('coverage', by_range('minute', interval '7 days'), create_default_indexes => false);
ALTER TABLE coverage SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'minute');
SELECT create_hypertable('trajectories', by_range('started_at', interval '7 days'), create_default_indexes => false);
ALTER TABLE trajectories SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'started_at');
CREATE INDEX crossings_key ON crossings (camera, session, track_id, line, ordinal);
CREATE INDEX visits_key ON visits (camera, session, track_id, zone, ordinal);
CREATE INDEX movements_key ON movements (camera, session, track_id, movement, ordinal);
CREATE INDEX trajectories_key ON trajectories (camera, session, track_id);
-- next
CREATE FUNCTION put_hour(packed bytea, hour integer, number bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN overlay(packed PLACING int4send(number::integer) FROM 4 * hour + 1);
CREATE AGGREGATE pack_hours(hour integer, number bigint)
    (SFUNC = put_hour, STYPE = bytea, INITCOND = '\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', PARALLEL = SAFE);
CREATE FUNCTION minutes_from(start timestamptz) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT string_agg(int4send((extract(epoch FROM start + hour * interval '1 hour') / 60)::integer), '' ORDER BY hour)
        FROM generate_series(0, 25) AS hour);
CREATE FUNCTION minutes_of(starts timestamptz[]) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT string_agg(int4send((extract(epoch FROM starts[least(hour, cardinality(starts))]) / 60)::integer), ''
        ORDER BY hour) FROM generate_series(1, 26) AS hour);
CREATE PROCEDURE refresh_aggregates(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
DECLARE
    noted bigint[];
    days tstzrange[];
    since timestamptz := now() - (config ->> 'since')::interval;
    part jsonb;
    ready timestamptz;
    until timestamptz;
BEGIN
    IF NOT pg_try_advisory_lock(1095126868) THEN
        RETURN;
    END IF;
    SELECT array_agg(id) INTO noted FROM late_days;
    SELECT array_agg(DISTINCT tstzrange(local.start, local.until)) INTO days
        FROM late_days JOIN local_days AS local
            ON local.start < late_days.start + interval '1 day' AND local.until > late_days.start
        WHERE id = ANY(noted) AND (since IS NULL OR local.start >= since);
    FOR part IN SELECT * FROM jsonb_array_elements(config -> 'aggregates') LOOP
        ready := now() - (part ->> 'lag')::interval;
        FOR n IN 1 .. 2 LOOP -- some versions leave the last bucket that has changed to the next refresh
            CALL refresh_continuous_aggregate((part ->> 'name')::regclass, since, ready);
        END LOOP;
        FOR n IN 1 .. CASE WHEN (part ->> 'local')::boolean THEN coalesce(cardinality(days), 0) ELSE 0 END LOOP
            until := least(upper(days[n]), ready);
            IF until = upper(days[n]) OR until - lower(days[n]) >= (part ->> 'width')::interval THEN
                CALL refresh_continuous_aggregate((part ->> 'name')::regclass, lower(days[n]), until, force => true);
            END IF;
        END LOOP;
    END LOOP;
    DELETE FROM late_days WHERE id = ANY(noted);
    PERFORM pg_advisory_unlock(1095126868);
END $$;
CREATE MATERIALIZED VIEW line_volume_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', at) AS start, line AS place, direction, road_user, count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional FROM crossings AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1m (place, start);
ALTER MATERIALIZED VIEW line_volume_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM line_volume_1m AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_15m (place, start);
ALTER MATERIALIZED VIEW line_volume_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start) AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM line_volume_15m AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1h (place, start);
ALTER MATERIALIZED VIEW line_volume_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'UTC') AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'UTC')) / 3600)::integer, count) AS hours, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'UTC')) / 3600)::integer, provisional) AS provisional_hours FROM line_volume_1h AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1d (place, start);
ALTER MATERIALIZED VIEW line_volume_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', entered_at) AS start, zone AS place, road_user, count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional FROM visits AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1m (place, start);
ALTER MATERIALIZED VIEW zone_volume_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM zone_volume_1m AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_15m (place, start);
ALTER MATERIALIZED VIEW zone_volume_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start) AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM zone_volume_15m AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1h (place, start);
ALTER MATERIALIZED VIEW zone_volume_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'UTC') AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'UTC')) / 3600)::integer, count) AS hours, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'UTC')) / 3600)::integer, provisional) AS provisional_hours FROM zone_volume_1h AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1d (place, start);
ALTER MATERIALIZED VIEW zone_volume_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', minute) AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM coverage AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1m (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM camera_coverage_1m AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_15m (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start) AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM camera_coverage_15m AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1h (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'UTC') AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped, string_agg(int4send((extract(epoch FROM kept.start) / 60)::integer) || int8send(observed_us::bigint) || int8send(frames::bigint) || int8send(dropped::bigint), '' ORDER BY kept.start) AS hours FROM camera_coverage_1h AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1d (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_days WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'UTC') AS start, place, string_agg(direction || chr(31) || road_user, chr(30) ORDER BY direction, road_user) AS series, minutes_from(time_bucket('1 day', kept.start, 'UTC')) || string_agg(kept.hours, '' ORDER BY direction, road_user) AS hours, CASE WHEN sum(provisional) > 0 THEN '\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea || string_agg(provisional_hours, '' ORDER BY direction, road_user) END AS provisional FROM line_volume_1d AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON line_days (place, start);
ALTER MATERIALIZED VIEW line_days SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_days WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'UTC') AS start, place, string_agg('entered' || chr(31) || road_user, chr(30) ORDER BY road_user) AS series, minutes_from(time_bucket('1 day', kept.start, 'UTC')) || string_agg(kept.hours, '' ORDER BY road_user) AS hours, CASE WHEN sum(provisional) > 0 THEN '\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea || string_agg(provisional_hours, '' ORDER BY road_user) END AS provisional FROM zone_volume_1d AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON zone_days (place, start);
ALTER MATERIALIZED VIEW zone_days SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');

CREATE VIEW volume_1m AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1m
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1m;
CREATE VIEW coverage_1m AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_1m;

CREATE VIEW volume_15m AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_15m
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_15m;
CREATE VIEW coverage_15m AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_15m;

CREATE VIEW volume_1h AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1h
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1h;
CREATE VIEW coverage_1h AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_1h;

CREATE VIEW volume_1d AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1d
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1d;
CREATE VIEW coverage_1d AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start, hours FROM camera_coverage_1d;
-- next
SELECT pg_advisory_xact_lock(1095126866)
-- next
SELECT timezone FROM site
-- next
UPDATE site SET id = 's', name = 'Old town', timezone = 'Asia/Kolkata'
-- next
INSERT INTO cameras (id, name, source) VALUES ('north', '', 'rtsp://10.0.0.5/stream2') ON CONFLICT (id) DO UPDATE SET name = excluded.name, source = excluded.source
-- next
INSERT INTO geometry (kind, id, version, camera, definition) VALUES ('line', 'stop', '0795675ddbb0', 'north', '{"anchor": "bottom_centre", "directions": null, "id": "stop", "name": "", "points": [[0.1, 0.5], [0.9, 0.5]]}') ON CONFLICT DO NOTHING
-- next
INSERT INTO geometry (kind, id, version, camera, definition) VALUES ('zone', 'crossing', 'e700d3dbc81a', 'north', '{"anchor": "bottom_centre", "id": "crossing", "name": "", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}') ON CONFLICT DO NOTHING
-- next
INSERT INTO geometry (kind, id, version, camera, definition) VALUES ('movement', 'through', 'e3f43917d473', 'north', '{"from": {"direction": null, "line": "stop", "zone": null}, "id": "through", "name": "", "to": {"direction": null, "line": null, "zone": "crossing"}}') ON CONFLICT DO NOTHING
-- next
SELECT start FROM local_days ORDER BY start
-- next
DELETE FROM local_days
-- next
DROP VIEW IF EXISTS volume_1m, coverage_1m;
DROP VIEW IF EXISTS volume_15m, coverage_15m;
DROP VIEW IF EXISTS volume_1h, coverage_1h;
DROP VIEW IF EXISTS volume_1d, coverage_1d;
DROP MATERIALIZED VIEW IF EXISTS line_days;
DROP MATERIALIZED VIEW IF EXISTS zone_days;
DROP MATERIALIZED VIEW IF EXISTS line_volume_1d;
DROP MATERIALIZED VIEW IF EXISTS zone_volume_1d;
DROP MATERIALIZED VIEW IF EXISTS camera_coverage_1d;
DROP MATERIALIZED VIEW IF EXISTS line_volume_1h;
DROP MATERIALIZED VIEW IF EXISTS zone_volume_1h;
DROP MATERIALIZED VIEW IF EXISTS camera_coverage_1h;
DROP MATERIALIZED VIEW IF EXISTS line_volume_15m;
DROP MATERIALIZED VIEW IF EXISTS zone_volume_15m;
DROP MATERIALIZED VIEW IF EXISTS camera_coverage_15m;
DROP MATERIALIZED VIEW IF EXISTS line_volume_1m;
DROP MATERIALIZED VIEW IF EXISTS zone_volume_1m;
DROP MATERIALIZED VIEW IF EXISTS camera_coverage_1m;
CREATE MATERIALIZED VIEW line_volume_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', at) AS start, line AS place, direction, road_user, count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional FROM crossings AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1m (place, start);
ALTER MATERIALIZED VIEW line_volume_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM line_volume_1m AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_15m (place, start);
ALTER MATERIALIZED VIEW line_volume_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start, 'Asia/Kolkata') AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM line_volume_15m AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1h (place, start);
ALTER MATERIALIZED VIEW line_volume_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_volume_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'Asia/Kolkata') AS start, place, direction, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'Asia/Kolkata')) / 3600)::integer, count) AS hours, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'Asia/Kolkata')) / 3600)::integer, provisional) AS provisional_hours FROM line_volume_1h AS kept GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE INDEX ON line_volume_1d (place, start);
ALTER MATERIALIZED VIEW line_volume_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', entered_at) AS start, zone AS place, road_user, count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional FROM visits AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1m (place, start);
ALTER MATERIALIZED VIEW zone_volume_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM zone_volume_1m AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_15m (place, start);
ALTER MATERIALIZED VIEW zone_volume_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start, 'Asia/Kolkata') AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional FROM zone_volume_15m AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1h (place, start);
ALTER MATERIALIZED VIEW zone_volume_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_volume_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'Asia/Kolkata') AS start, place, road_user, sum(count)::bigint AS count, sum(provisional)::bigint AS provisional, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'Asia/Kolkata')) / 3600)::integer, count) AS hours, pack_hours((extract(epoch FROM kept.start - time_bucket('1 day', kept.start, 'Asia/Kolkata')) / 3600)::integer, provisional) AS provisional_hours FROM zone_volume_1h AS kept GROUP BY 1, 2, 3 WITH NO DATA;
CREATE INDEX ON zone_volume_1d (place, start);
ALTER MATERIALIZED VIEW zone_volume_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 minute', minute) AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM coverage AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1m (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1m SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_15m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('15 minutes', kept.start) AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM camera_coverage_1m AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_15m (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_15m SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', kept.start, 'Asia/Kolkata') AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped FROM camera_coverage_15m AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1h (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1h SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW camera_coverage_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'Asia/Kolkata') AS start, camera, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped, string_agg(int4send((extract(epoch FROM kept.start) / 60)::integer) || int8send(observed_us::bigint) || int8send(frames::bigint) || int8send(dropped::bigint), '' ORDER BY kept.start) AS hours FROM camera_coverage_1h AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON camera_coverage_1d (camera, start);
ALTER MATERIALIZED VIEW camera_coverage_1d SET (timescaledb.compress, timescaledb.compress_segmentby = 'camera', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW line_days WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'Asia/Kolkata') AS start, place, string_agg(direction || chr(31) || road_user, chr(30) ORDER BY direction, road_user) AS series, minutes_from(time_bucket('1 day', kept.start, 'Asia/Kolkata')) || string_agg(kept.hours, '' ORDER BY direction, road_user) AS hours, CASE WHEN sum(provisional) > 0 THEN '\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea || string_agg(provisional_hours, '' ORDER BY direction, road_user) END AS provisional FROM line_volume_1d AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON line_days (place, start);
ALTER MATERIALIZED VIEW line_days SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');
CREATE MATERIALIZED VIEW zone_days WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 day', kept.start, 'Asia/Kolkata') AS start, place, string_agg('entered' || chr(31) || road_user, chr(30) ORDER BY road_user) AS series, minutes_from(time_bucket('1 day', kept.start, 'Asia/Kolkata')) || string_agg(kept.hours, '' ORDER BY road_user) AS hours, CASE WHEN sum(provisional) > 0 THEN '\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea || string_agg(provisional_hours, '' ORDER BY road_user) END AS provisional FROM zone_volume_1d AS kept GROUP BY 1, 2 WITH NO DATA;
CREATE INDEX ON zone_days (place, start);
ALTER MATERIALIZED VIEW zone_days SET (timescaledb.compress, timescaledb.compress_segmentby = 'place', timescaledb.compress_orderby = 'start');

CREATE VIEW volume_1m AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1m
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1m;
CREATE VIEW coverage_1m AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_1m;

CREATE VIEW volume_15m AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_15m
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_15m;
CREATE VIEW coverage_15m AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_15m;

CREATE VIEW volume_1h AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1h
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1h;
CREATE VIEW coverage_1h AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM camera_coverage_1h;

CREATE VIEW volume_1d AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_1d
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_1d;
CREATE VIEW coverage_1d AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start, hours FROM camera_coverage_1d;
-- next
UPDATE site SET policies = ''
-- next
SELECT policies FROM site
-- next
SELECT remove_continuous_aggregate_policy('line_volume_1m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('line_volume_1m', start_offset => NULL, end_offset => interval '0:10:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('line_volume_15m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('line_volume_15m', start_offset => NULL, end_offset => interval '1:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('line_volume_1h', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('line_volume_1h', start_offset => NULL, end_offset => interval '4:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('line_volume_1d', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('line_volume_1d', start_offset => NULL, end_offset => interval '3 days, 0:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('zone_volume_1m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('zone_volume_1m', start_offset => NULL, end_offset => interval '0:10:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('zone_volume_15m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('zone_volume_15m', start_offset => NULL, end_offset => interval '1:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('zone_volume_1h', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('zone_volume_1h', start_offset => NULL, end_offset => interval '4:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('zone_volume_1d', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('zone_volume_1d', start_offset => NULL, end_offset => interval '3 days, 0:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('camera_coverage_1m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('camera_coverage_1m', start_offset => NULL, end_offset => interval '0:10:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('camera_coverage_15m', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('camera_coverage_15m', start_offset => NULL, end_offset => interval '1:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('camera_coverage_1h', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('camera_coverage_1h', start_offset => NULL, end_offset => interval '4:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('camera_coverage_1d', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('camera_coverage_1d', start_offset => NULL, end_offset => interval '3 days, 0:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('line_days', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('line_days', start_offset => NULL, end_offset => interval '3 days, 0:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT remove_continuous_aggregate_policy('zone_days', if_exists => true)
-- next
SELECT alter_job(add_continuous_aggregate_policy('zone_days', start_offset => NULL, end_offset => interval '3 days, 0:00:00', schedule_interval => interval '60 seconds'), scheduled => false)
-- next
SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'refresh_aggregates' AND proc_schema = current_schema()
-- next
SELECT add_job('refresh_aggregates', interval '60 seconds', config => '{"since": null, "aggregates": [{"name": "line_volume_1m", "lag": "0:10:00", "local": false}, {"name": "line_volume_15m", "lag": "1:00:00", "local": false}, {"name": "line_volume_1h", "lag": "4:00:00", "local": true, "width": "1 hour"}, {"name": "line_volume_1d", "lag": "3 days, 0:00:00", "local": true}, {"name": "zone_volume_1m", "lag": "0:10:00", "local": false}, {"name": "zone_volume_15m", "lag": "1:00:00", "local": false}, {"name": "zone_volume_1h", "lag": "4:00:00", "local": true, "width": "1 hour"}, {"name": "zone_volume_1d", "lag": "3 days, 0:00:00", "local": true}, {"name": "camera_coverage_1m", "lag": "0:10:00", "local": false}, {"name": "camera_coverage_15m", "lag": "1:00:00", "local": false}, {"name": "camera_coverage_1h", "lag": "4:00:00", "local": true, "width": "1 hour"}, {"name": "camera_coverage_1d", "lag": "3 days, 0:00:00", "local": true}, {"name": "line_days", "lag": "3 days, 0:00:00", "local": true}, {"name": "zone_days", "lag": "3 days, 0:00:00", "local": true}]}')
-- next
SELECT set_chunk_time_interval('crossings', interval '7 days')
-- next
SELECT set_chunk_time_interval('visits', interval '7 days')
-- next
SELECT set_chunk_time_interval('movements', interval '7 days')
-- next
SELECT set_chunk_time_interval('coverage', interval '7 days')
-- next
SELECT set_chunk_time_interval('trajectories', interval '7 days')
-- next
SELECT remove_compression_policy('crossings', if_exists => true)
-- next
SELECT add_compression_policy('crossings', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('visits', if_exists => true)
-- next
SELECT add_compression_policy('visits', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('movements', if_exists => true)
-- next
SELECT add_compression_policy('movements', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('coverage', if_exists => true)
-- next
SELECT add_compression_policy('coverage', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('trajectories', if_exists => true)
-- next
SELECT add_compression_policy('trajectories', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('line_volume_1m', if_exists => true)
-- next
SELECT add_compression_policy('line_volume_1m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('line_volume_15m', if_exists => true)
-- next
SELECT add_compression_policy('line_volume_15m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('line_volume_1h', if_exists => true)
-- next
SELECT add_compression_policy('line_volume_1h', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('line_volume_1d', if_exists => true)
-- next
SELECT add_compression_policy('line_volume_1d', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('zone_volume_1m', if_exists => true)
-- next
SELECT add_compression_policy('zone_volume_1m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('zone_volume_15m', if_exists => true)
-- next
SELECT add_compression_policy('zone_volume_15m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('zone_volume_1h', if_exists => true)
-- next
SELECT add_compression_policy('zone_volume_1h', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('zone_volume_1d', if_exists => true)
-- next
SELECT add_compression_policy('zone_volume_1d', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('camera_coverage_1m', if_exists => true)
-- next
SELECT add_compression_policy('camera_coverage_1m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('camera_coverage_15m', if_exists => true)
-- next
SELECT add_compression_policy('camera_coverage_15m', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('camera_coverage_1h', if_exists => true)
-- next
SELECT add_compression_policy('camera_coverage_1h', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('camera_coverage_1d', if_exists => true)
-- next
SELECT add_compression_policy('camera_coverage_1d', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('line_days', if_exists => true)
-- next
SELECT add_compression_policy('line_days', compress_after => interval '14 days')
-- next
SELECT remove_compression_policy('zone_days', if_exists => true)
-- next
SELECT add_compression_policy('zone_days', compress_after => interval '14 days')
-- next
SELECT remove_retention_policy('crossings', if_exists => true)
-- next
SELECT remove_retention_policy('visits', if_exists => true)
-- next
SELECT remove_retention_policy('movements', if_exists => true)
-- next
SELECT remove_retention_policy('coverage', if_exists => true)
-- next
SELECT remove_retention_policy('trajectories', if_exists => true)
-- next
SELECT add_retention_policy('trajectories', drop_after => interval '90 days')
-- next
SELECT remove_retention_policy('line_volume_1m', if_exists => true)
-- next
SELECT remove_retention_policy('zone_volume_1m', if_exists => true)
-- next
SELECT remove_retention_policy('camera_coverage_1m', if_exists => true)
-- next
UPDATE site SET policies = '{"chunk_days": 7, "compress_after_days": 14, "keep_rows_days": null, "keep_trajectories_days": 90, "refresh_seconds": 60}'
-- next
SELECT pg_advisory_xact_lock_shared(1095126866)
-- next
SELECT pg_advisory_xact_lock(1095126851, key) FROM (SELECT DISTINCT hashtext(camera) AS key FROM unnest('{north}'::text[]) AS camera ORDER BY 1 OFFSET 0) AS cameras
-- next
SELECT timezone FROM site
-- next
SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0
-- next
INSERT INTO local_days (day, start, until, hours)
SELECT '2025-05-06'::date, time_of(1746469800000000), time_of(1746556200000000), array_agg(time_of(us) ORDER BY us) FROM unnest('{1746469800000000,1746473400000000,1746477000000000,1746480600000000,1746484200000000,1746487800000000,1746491400000000,1746495000000000,1746498600000000,1746502200000000,1746505800000000,1746509400000000,1746513000000000,1746516600000000,1746520200000000,1746523800000000,1746527400000000,1746531000000000,1746534600000000,1746538200000000,1746541800000000,1746545400000000,1746549000000000,1746552600000000}'::int8[]::bigint[]) AS us
ON CONFLICT DO NOTHING
-- next
INSERT INTO local_days (day, start, until, hours)
SELECT '2025-05-07'::date, time_of(1746556200000000), time_of(1746642600000000), array_agg(time_of(us) ORDER BY us) FROM unnest('{1746556200000000,1746559800000000,1746563400000000,1746567000000000,1746570600000000,1746574200000000,1746577800000000,1746581400000000,1746585000000000,1746588600000000,1746592200000000,1746595800000000,1746599400000000,1746603000000000,1746606600000000,1746610200000000,1746613800000000,1746617400000000,1746621000000000,1746624600000000,1746628200000000,1746631800000000,1746635400000000,1746639000000000}'::int8[]::bigint[]) AS us
ON CONFLICT DO NOTHING
-- next
DELETE FROM crossings AS kept USING json_to_recordset('[{"camera":"north","session":"s1","track_id":1,"line":"stop","ordinal":0,"at_us":1746507570000000,"direction":"down","road_user":"car","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":2,"line":"stop","ordinal":0,"at_us":1746507610000000,"direction":"down","road_user":"car","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":3,"line":"stop","ordinal":0,"at_us":1746556190000000,"direction":"up","road_user":"truck","final":false,"geometry":"v1"},{"camera":"north","session":"s1","track_id":9,"line":"stop","ordinal":0,"at_us":1746507640000000,"direction":"up","road_user":"car","final":false,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, line text, ordinal bigint, at_us bigint, direction text, road_user text, final boolean, geometry text) WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 04:59:30+00:00'::timestamptz AND '2025-05-07 18:29:50+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.line = new.line AND kept.ordinal = new.ordinal AND new.final >= kept.final AND (kept.at, kept.direction, kept.road_user, kept.final, kept.geometry) IS DISTINCT FROM (time_of(new.at_us), new.direction, new.road_user, new.final, new.geometry) RETURNING us_of(at)
-- next
INSERT INTO crossings (camera, session, track_id, line, ordinal, at, direction, road_user, final, geometry) SELECT new.camera, new.session, new.track_id, new.line, new.ordinal, time_of(new.at_us), new.direction, new.road_user, new.final, new.geometry FROM json_to_recordset('[{"camera":"north","session":"s1","track_id":1,"line":"stop","ordinal":0,"at_us":1746507570000000,"direction":"down","road_user":"car","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":2,"line":"stop","ordinal":0,"at_us":1746507610000000,"direction":"down","road_user":"car","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":3,"line":"stop","ordinal":0,"at_us":1746556190000000,"direction":"up","road_user":"truck","final":false,"geometry":"v1"},{"camera":"north","session":"s1","track_id":9,"line":"stop","ordinal":0,"at_us":1746507640000000,"direction":"up","road_user":"car","final":false,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, line text, ordinal bigint, at_us bigint, direction text, road_user text, final boolean, geometry text) WHERE NOT EXISTS (SELECT FROM crossings AS kept WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 04:59:30+00:00'::timestamptz AND '2025-05-07 18:29:50+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.line = new.line AND kept.ordinal = new.ordinal) RETURNING us_of(at)
-- next
DELETE FROM visits AS kept USING json_to_recordset('[{"camera":"north","session":"s1","track_id":1,"zone":"crossing","ordinal":0,"entered_at_us":1746507620000000,"left_at_us":1746507625000000,"road_user":"pedestrian","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, zone text, ordinal bigint, entered_at_us bigint, left_at_us bigint, road_user text, final boolean, geometry text) WHERE kept.camera = ANY('{north}') AND kept.entered_at BETWEEN '2025-05-05 05:00:20+00:00'::timestamptz AND '2025-05-07 05:00:20+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.zone = new.zone AND kept.ordinal = new.ordinal AND new.final >= kept.final AND (kept.entered_at, kept.left_at, kept.road_user, kept.final, kept.geometry) IS DISTINCT FROM (time_of(new.entered_at_us), time_of(new.left_at_us), new.road_user, new.final, new.geometry) RETURNING us_of(entered_at)
-- next
INSERT INTO visits (camera, session, track_id, zone, ordinal, entered_at, left_at, road_user, final, geometry) SELECT new.camera, new.session, new.track_id, new.zone, new.ordinal, time_of(new.entered_at_us), time_of(new.left_at_us), new.road_user, new.final, new.geometry FROM json_to_recordset('[{"camera":"north","session":"s1","track_id":1,"zone":"crossing","ordinal":0,"entered_at_us":1746507620000000,"left_at_us":1746507625000000,"road_user":"pedestrian","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, zone text, ordinal bigint, entered_at_us bigint, left_at_us bigint, road_user text, final boolean, geometry text) WHERE NOT EXISTS (SELECT FROM visits AS kept WHERE kept.camera = ANY('{north}') AND kept.entered_at BETWEEN '2025-05-05 05:00:20+00:00'::timestamptz AND '2025-05-07 05:00:20+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.zone = new.zone AND kept.ordinal = new.ordinal) RETURNING us_of(entered_at)
-- next
DELETE FROM movements AS kept USING json_to_recordset('[{"camera":"north","session":"s1","track_id":2,"movement":"through","ordinal":0,"entered_at_us":1746507610000000,"at_us":1746507630000000,"road_user":"car","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, movement text, ordinal bigint, entered_at_us bigint, at_us bigint, road_user text, final boolean, geometry text) WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 05:00:30+00:00'::timestamptz AND '2025-05-07 05:00:30+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.movement = new.movement AND kept.ordinal = new.ordinal AND new.final >= kept.final AND (kept.entered_at, kept.at, kept.road_user, kept.final, kept.geometry) IS DISTINCT FROM (time_of(new.entered_at_us), time_of(new.at_us), new.road_user, new.final, new.geometry)
-- next
INSERT INTO movements (camera, session, track_id, movement, ordinal, entered_at, at, road_user, final, geometry) SELECT new.camera, new.session, new.track_id, new.movement, new.ordinal, time_of(new.entered_at_us), time_of(new.at_us), new.road_user, new.final, new.geometry FROM json_to_recordset('[{"camera":"north","session":"s1","track_id":2,"movement":"through","ordinal":0,"entered_at_us":1746507610000000,"at_us":1746507630000000,"road_user":"car","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, movement text, ordinal bigint, entered_at_us bigint, at_us bigint, road_user text, final boolean, geometry text) WHERE NOT EXISTS (SELECT FROM movements AS kept WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 05:00:30+00:00'::timestamptz AND '2025-05-07 05:00:30+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.movement = new.movement AND kept.ordinal = new.ordinal)
-- next
DELETE FROM trajectories AS kept USING json_to_recordset( E'[{"camera":"north","session":"s1","track_id":2,"started_at_us":1746507605000000,"ended_at_us":1746507610000000,"road_user":"car","aspect":1.5,"points":"\\\\x0140bf647d70340600020000004889637060f066f0616048336113660082b3c63c28f4ac344931100d00697804f8"}]') AS new (camera text, session text, track_id bigint, started_at_us bigint, ended_at_us bigint, road_user text, aspect double precision, points bytea) WHERE kept.camera = ANY('{north}') AND kept.started_at BETWEEN '2025-05-05 05:00:05+00:00'::timestamptz AND '2025-05-07 05:00:05+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND (kept.started_at, kept.ended_at, kept.road_user, kept.aspect, kept.points) IS DISTINCT FROM (time_of(new.started_at_us), time_of(new.ended_at_us), new.road_user, new.aspect, new.points)
-- next
INSERT INTO trajectories (camera, session, track_id, started_at, ended_at, road_user, aspect, points) SELECT new.camera, new.session, new.track_id, time_of(new.started_at_us), time_of(new.ended_at_us), new.road_user, new.aspect, new.points FROM json_to_recordset( E'[{"camera":"north","session":"s1","track_id":2,"started_at_us":1746507605000000,"ended_at_us":1746507610000000,"road_user":"car","aspect":1.5,"points":"\\\\x0140bf647d70340600020000004889637060f066f0616048336113660082b3c63c28f4ac344931100d00697804f8"}]') AS new (camera text, session text, track_id bigint, started_at_us bigint, ended_at_us bigint, road_user text, aspect double precision, points bytea) WHERE NOT EXISTS (SELECT FROM trajectories AS kept WHERE kept.camera = ANY('{north}') AND kept.started_at BETWEEN '2025-05-05 05:00:05+00:00'::timestamptz AND '2025-05-07 05:00:05+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id)
-- next
INSERT INTO coverage AS kept (camera, session, minute, observed_us, frames, dropped)
SELECT camera, session, time_of(minute_us), max(observed_us), max(frames), max(dropped)
FROM json_to_recordset('[{"camera":"north","session":"s1","minute_us":1746507600000000,"observed_us":60000000,"frames":600,"dropped":3}]') AS new
    (camera text, session text, minute_us bigint, observed_us bigint, frames bigint, dropped bigint)
GROUP BY 1, 2, 3
ON CONFLICT (camera, minute, session) DO UPDATE SET
    observed_us = greatest(kept.observed_us, excluded.observed_us),
    frames = greatest(kept.frames, excluded.frames),
    dropped = greatest(kept.dropped, excluded.dropped)
WHERE kept.observed_us < excluded.observed_us OR kept.frames < excluded.frames OR kept.dropped < excluded.dropped
RETURNING us_of(kept.minute)
-- next
INSERT INTO late_days (start)
SELECT time_of(day) FROM unnest('{1746489600000000}'::int8[]::bigint[], '{1746507570000000}'::int8[]::bigint[]) AS written (day, first)
WHERE time_of(first) < now() - '1:00:00'::interval
-- next
SELECT pg_advisory_xact_lock_shared(1095126866)
-- next
SELECT pg_advisory_xact_lock(1095126851, key) FROM (SELECT DISTINCT hashtext(camera) AS key FROM unnest('{north}'::text[]) AS camera ORDER BY 1 OFFSET 0) AS cameras
-- next
SELECT timezone FROM site
-- next
SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0
-- next
DELETE FROM crossings AS kept USING json_to_recordset('[{"camera":"north","session":"s1","track_id":3,"line":"stop","ordinal":0,"at_us":1746556199000000,"direction":"up","road_user":"bus","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":4,"line":"stop","ordinal":0,"at_us":1746556200000000,"direction":"down","road_user":"car","final":false,"geometry":"v1"},{"camera":"north","session":"s1","track_id":5,"line":"stop","ordinal":0,"at_us":1746556260000000,"direction":"down","road_user":"cyclist","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, line text, ordinal bigint, at_us bigint, direction text, road_user text, final boolean, geometry text) WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 18:29:59+00:00'::timestamptz AND '2025-05-07 18:31:00+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.line = new.line AND kept.ordinal = new.ordinal AND new.final >= kept.final AND (kept.at, kept.direction, kept.road_user, kept.final, kept.geometry) IS DISTINCT FROM (time_of(new.at_us), new.direction, new.road_user, new.final, new.geometry) RETURNING us_of(at)
-- next
INSERT INTO crossings (camera, session, track_id, line, ordinal, at, direction, road_user, final, geometry) SELECT new.camera, new.session, new.track_id, new.line, new.ordinal, time_of(new.at_us), new.direction, new.road_user, new.final, new.geometry FROM json_to_recordset('[{"camera":"north","session":"s1","track_id":3,"line":"stop","ordinal":0,"at_us":1746556199000000,"direction":"up","road_user":"bus","final":true,"geometry":"v1"},{"camera":"north","session":"s1","track_id":4,"line":"stop","ordinal":0,"at_us":1746556200000000,"direction":"down","road_user":"car","final":false,"geometry":"v1"},{"camera":"north","session":"s1","track_id":5,"line":"stop","ordinal":0,"at_us":1746556260000000,"direction":"down","road_user":"cyclist","final":true,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, line text, ordinal bigint, at_us bigint, direction text, road_user text, final boolean, geometry text) WHERE NOT EXISTS (SELECT FROM crossings AS kept WHERE kept.camera = ANY('{north}') AND kept.at BETWEEN '2025-05-05 18:29:59+00:00'::timestamptz AND '2025-05-07 18:31:00+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.line = new.line AND kept.ordinal = new.ordinal) RETURNING us_of(at)
-- next
DELETE FROM visits AS kept USING json_to_recordset('[{"camera":"north","session":"s1","track_id":5,"zone":"crossing","ordinal":0,"entered_at_us":1746556260000000,"left_at_us":null,"road_user":"pedestrian","final":false,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, zone text, ordinal bigint, entered_at_us bigint, left_at_us bigint, road_user text, final boolean, geometry text) WHERE kept.camera = ANY('{north}') AND kept.entered_at BETWEEN '2025-05-05 18:31:00+00:00'::timestamptz AND '2025-05-07 18:31:00+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.zone = new.zone AND kept.ordinal = new.ordinal AND new.final >= kept.final AND (kept.entered_at, kept.left_at, kept.road_user, kept.final, kept.geometry) IS DISTINCT FROM (time_of(new.entered_at_us), time_of(new.left_at_us), new.road_user, new.final, new.geometry) RETURNING us_of(entered_at)
-- next
INSERT INTO visits (camera, session, track_id, zone, ordinal, entered_at, left_at, road_user, final, geometry) SELECT new.camera, new.session, new.track_id, new.zone, new.ordinal, time_of(new.entered_at_us), time_of(new.left_at_us), new.road_user, new.final, new.geometry FROM json_to_recordset('[{"camera":"north","session":"s1","track_id":5,"zone":"crossing","ordinal":0,"entered_at_us":1746556260000000,"left_at_us":null,"road_user":"pedestrian","final":false,"geometry":"v1"}]') AS new (camera text, session text, track_id bigint, zone text, ordinal bigint, entered_at_us bigint, left_at_us bigint, road_user text, final boolean, geometry text) WHERE NOT EXISTS (SELECT FROM visits AS kept WHERE kept.camera = ANY('{north}') AND kept.entered_at BETWEEN '2025-05-05 18:31:00+00:00'::timestamptz AND '2025-05-07 18:31:00+00:00'::timestamptz AND kept.camera = new.camera AND kept.session = new.session AND kept.track_id = new.track_id AND kept.zone = new.zone AND kept.ordinal = new.ordinal) RETURNING us_of(entered_at)
-- next
INSERT INTO coverage AS kept (camera, session, minute, observed_us, frames, dropped)
SELECT camera, session, time_of(minute_us), max(observed_us), max(frames), max(dropped)
FROM json_to_recordset('[{"camera":"north","session":"s1","minute_us":1746507660000000,"observed_us":30000000,"frames":300,"dropped":0},{"camera":"north","session":"s1","minute_us":1746556200000000,"observed_us":45000000,"frames":450,"dropped":1}]') AS new
    (camera text, session text, minute_us bigint, observed_us bigint, frames bigint, dropped bigint)
GROUP BY 1, 2, 3
ON CONFLICT (camera, minute, session) DO UPDATE SET
    observed_us = greatest(kept.observed_us, excluded.observed_us),
    frames = greatest(kept.frames, excluded.frames),
    dropped = greatest(kept.dropped, excluded.dropped)
WHERE kept.observed_us < excluded.observed_us OR kept.frames < excluded.frames OR kept.dropped < excluded.dropped
RETURNING us_of(kept.minute)
-- next
DELETE FROM crossings WHERE camera = 'north' AND session = 's1' AND track_id = 9 AND at >= '2025-05-06 05:00:40+00:00'::timestamptz RETURNING us_of(at)
-- next
DELETE FROM visits WHERE camera = 'north' AND session = 's1' AND track_id = 9 AND entered_at >= '2025-05-06 05:00:40+00:00'::timestamptz RETURNING us_of(entered_at)
-- next
DELETE FROM movements WHERE camera = 'north' AND session = 's1' AND track_id = 9 AND at >= '2025-05-06 05:00:40+00:00'::timestamptz
-- next
DELETE FROM trajectories WHERE camera = 'north' AND session = 's1' AND track_id = 9 AND started_at >= '2025-05-06 05:00:40+00:00'::timestamptz
-- next
INSERT INTO late_days (start)
SELECT time_of(day) FROM unnest('{1746489600000000}'::int8[]::bigint[], '{1746507640000000}'::int8[]::bigint[]) AS written (day, first)
WHERE time_of(first) < now() - '1:00:00'::interval
-- next
INSERT INTO live_endpoints AS kept (camera, url, seen_at) VALUES ('north', 'http://10.0.0.7:8001', time_of(1746556260000000)) ON CONFLICT (camera) DO UPDATE SET url = excluded.url, seen_at = excluded.seen_at WHERE excluded.seen_at >= kept.seen_at
-- next
SELECT pg_advisory_lock(1095126868)
-- next
SELECT hypertable_name::text, min(range_start) FROM timescaledb_information.chunks, site
WHERE hypertable_name IN ('crossings', 'visits', 'coverage')
    AND nullif(policies, '')::json ->> 'keep_rows_days' IS NOT NULL
GROUP BY 1
-- next
CALL refresh_continuous_aggregate('line_volume_1m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('line_volume_15m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('line_volume_1h', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('line_volume_1d', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('zone_volume_1m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('zone_volume_15m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('zone_volume_1h', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('zone_volume_1d', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('camera_coverage_1m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('camera_coverage_15m', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('camera_coverage_1h', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('camera_coverage_1d', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('line_days', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
CALL refresh_continuous_aggregate('zone_days', '2025-05-04T00:00:00+00:00', '2025-05-08T23:59:00+00:00', force => true)
-- next
SELECT pg_advisory_unlock(1095126868)
