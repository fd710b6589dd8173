PRAGMA application_id = 1095126866;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE cameras (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    source TEXT NOT NULL -- without credentials
) STRICT, WITHOUT ROWID;
INSERT INTO "cameras" VALUES('north','','rtsp://10.0.0.5/stream2');
CREATE TABLE coverage (
    camera TEXT NOT NULL,
    minute_us INTEGER NOT NULL CHECK (minute_us >= 0),
    session TEXT NOT NULL,
    observed_us INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    PRIMARY KEY (camera, minute_us, session)
) STRICT, WITHOUT ROWID;
INSERT INTO "coverage" VALUES('north',1746507600000000,'s1',60000000,600,3);
INSERT INTO "coverage" VALUES('north',1746507660000000,'s1',30000000,300,0);
INSERT INTO "coverage" VALUES('north',1746556200000000,'s1',45000000,450,1);
CREATE TABLE crossings (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    line TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    at_us INTEGER NOT NULL CHECK (at_us >= 0),
    direction TEXT NOT NULL,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    minute_us INTEGER NOT NULL GENERATED ALWAYS AS (at_us - at_us % 60000000) STORED,
    UNIQUE (camera, session, track_id, line, ordinal)
) STRICT;
INSERT INTO "crossings" VALUES('north','s1',1,'stop',0,1746507570000000,'down','car',1,'v1');
INSERT INTO "crossings" VALUES('north','s1',2,'stop',0,1746507610000000,'down','car',1,'v1');
INSERT INTO "crossings" VALUES('north','s1',3,'stop',0,1746556199000000,'up','bus',1,'v1');
INSERT INTO "crossings" VALUES('north','s1',4,'stop',0,1746556200000000,'down','car',0,'v1');
INSERT INTO "crossings" VALUES('north','s1',5,'stop',0,1746556260000000,'down','cyclist',1,'v1');
CREATE TABLE geometry (
    kind TEXT NOT NULL CHECK (kind IN ('line', 'zone', 'movement')),
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    camera TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON, as in the site file
    registered_us INTEGER NOT NULL DEFAULT (unixepoch() * 1000000),
    PRIMARY KEY (kind, id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "geometry" VALUES('line','stop','0795675ddbb0','north','{"anchor": "bottom_centre", "directions": null, "id": "stop", "name": "", "points": [[0.1, 0.5], [0.9, 0.5]]}',1795731749000000);
INSERT INTO "geometry" VALUES('movement','through','e3f43917d473','north','{"from": {"direction": null, "line": "stop", "zone": null}, "id": "through", "name": "", "to": {"direction": null, "line": null, "zone": "crossing"}}',1795731749000000);
INSERT INTO "geometry" VALUES('zone','crossing','e700d3dbc81a','north','{"anchor": "bottom_centre", "id": "crossing", "name": "", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}',1795731749000000);
CREATE TABLE live_endpoints (
    camera TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    seen_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "live_endpoints" VALUES('north','http://10.0.0.7:8001',1746556260000000);
CREATE TABLE local_intervals (
    name TEXT NOT NULL CHECK (name IN ('15m', '1h', '1d')),
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    PRIMARY KEY (name, start_us)
) STRICT, WITHOUT ROWID;
INSERT INTO "local_intervals" VALUES('15m',1746489600000000,1746490500000000);
INSERT INTO "local_intervals" VALUES('15m',1746490500000000,1746491400000000);
INSERT INTO "local_intervals" VALUES('15m',1746491400000000,1746492300000000);
INSERT INTO "local_intervals" VALUES('15m',1746492300000000,1746493200000000);
INSERT INTO "local_intervals" VALUES('15m',1746493200000000,1746494100000000);
INSERT INTO "local_intervals" VALUES('15m',1746494100000000,1746495000000000);
INSERT INTO "local_intervals" VALUES('15m',1746495000000000,1746495900000000);
INSERT INTO "local_intervals" VALUES('15m',1746495900000000,1746496800000000);
INSERT INTO "local_intervals" VALUES('15m',1746496800000000,1746497700000000);
INSERT INTO "local_intervals" VALUES('15m',1746497700000000,1746498600000000);
INSERT INTO "local_intervals" VALUES('15m',1746498600000000,1746499500000000);
INSERT INTO "local_intervals" VALUES('15m',1746499500000000,1746500400000000);
INSERT INTO "local_intervals" VALUES('15m',1746500400000000,1746501300000000);
INSERT INTO "local_intervals" VALUES('15m',1746501300000000,1746502200000000);
INSERT INTO "local_intervals" VALUES('15m',1746502200000000,1746503100000000);
INSERT INTO "local_intervals" VALUES('15m',1746503100000000,1746504000000000);
INSERT INTO "local_intervals" VALUES('15m',1746504000000000,1746504900000000);
INSERT INTO "local_intervals" VALUES('15m',1746504900000000,1746505800000000);
INSERT INTO "local_intervals" VALUES('15m',1746505800000000,1746506700000000);
INSERT INTO "local_intervals" VALUES('15m',1746506700000000,1746507600000000);
INSERT INTO "local_intervals" VALUES('15m',1746507600000000,1746508500000000);
INSERT INTO "local_intervals" VALUES('15m',1746508500000000,1746509400000000);
INSERT INTO "local_intervals" VALUES('15m',1746509400000000,1746510300000000);
INSERT INTO "local_intervals" VALUES('15m',1746510300000000,1746511200000000);
INSERT INTO "local_intervals" VALUES('15m',1746511200000000,1746512100000000);
INSERT INTO "local_intervals" VALUES('15m',1746512100000000,1746513000000000);
INSERT INTO "local_intervals" VALUES('15m',1746513000000000,1746513900000000);
INSERT INTO "local_intervals" VALUES('15m',1746513900000000,1746514800000000);
INSERT INTO "local_intervals" VALUES('15m',1746514800000000,1746515700000000);
INSERT INTO "local_intervals" VALUES('15m',1746515700000000,1746516600000000);
INSERT INTO "local_intervals" VALUES('15m',1746516600000000,1746517500000000);
INSERT INTO "local_intervals" VALUES('15m',1746517500000000,1746518400000000);
INSERT INTO "local_intervals" VALUES('15m',1746518400000000,1746519300000000);
INSERT INTO "local_intervals" VALUES('15m',1746519300000000,1746520200000000);
INSERT INTO "local_intervals" VALUES('15m',1746520200000000,1746521100000000);
INSERT INTO "local_intervals" VALUES('15m',1746521100000000,1746522000000000);
INSERT INTO "local_intervals" VALUES('15m',1746522000000000,1746522900000000);
INSERT INTO "local_intervals" VALUES('15m',1746522900000000,1746523800000000);
INSERT INTO "local_intervals" VALUES('15m',1746523800000000,1746524700000000);
INSERT INTO "local_intervals" VALUES('15m',1746524700000000,1746525600000000);
INSERT INTO "local_intervals" VALUES('15m',1746525600000000,1746526500000000);
INSERT INTO "local_intervals" VALUES('15m',1746526500000000,1746527400000000);
INSERT INTO "local_intervals" VALUES('15m',1746527400000000,1746528300000000);
INSERT INTO "local_intervals" VALUES('15m',1746528300000000,1746529200000000);
INSERT INTO "local_intervals" VALUES('15m',1746529200000000,1746530100000000);
INSERT INTO "local_intervals" VALUES('15m',1746530100000000,1746531000000000);
INSERT INTO "local_intervals" VALUES('15m',1746531000000000,1746531900000000);
INSERT INTO "local_intervals" VALUES('15m',1746531900000000,1746532800000000);
INSERT INTO "local_intervals" VALUES('15m',1746532800000000,1746533700000000);
INSERT INTO "local_intervals" VALUES('15m',1746533700000000,1746534600000000);
INSERT INTO "local_intervals" VALUES('15m',1746534600000000,1746535500000000);
INSERT INTO "local_intervals" VALUES('15m',1746535500000000,1746536400000000);
INSERT INTO "local_intervals" VALUES('15m',1746536400000000,1746537300000000);
INSERT INTO "local_intervals" VALUES('15m',1746537300000000,1746538200000000);
INSERT INTO "local_intervals" VALUES('15m',1746538200000000,1746539100000000);
INSERT INTO "local_intervals" VALUES('15m',1746539100000000,1746540000000000);
INSERT INTO "local_intervals" VALUES('15m',1746540000000000,1746540900000000);
INSERT INTO "local_intervals" VALUES('15m',1746540900000000,1746541800000000);
INSERT INTO "local_intervals" VALUES('15m',1746541800000000,1746542700000000);
INSERT INTO "local_intervals" VALUES('15m',1746542700000000,1746543600000000);
INSERT INTO "local_intervals" VALUES('15m',1746543600000000,1746544500000000);
INSERT INTO "local_intervals" VALUES('15m',1746544500000000,1746545400000000);
INSERT INTO "local_intervals" VALUES('15m',1746545400000000,1746546300000000);
INSERT INTO "local_intervals" VALUES('15m',1746546300000000,1746547200000000);
INSERT INTO "local_intervals" VALUES('15m',1746547200000000,1746548100000000);
INSERT INTO "local_intervals" VALUES('15m',1746548100000000,1746549000000000);
INSERT INTO "local_intervals" VALUES('15m',1746549000000000,1746549900000000);
INSERT INTO "local_intervals" VALUES('15m',1746549900000000,1746550800000000);
INSERT INTO "local_intervals" VALUES('15m',1746550800000000,1746551700000000);
INSERT INTO "local_intervals" VALUES('15m',1746551700000000,1746552600000000);
INSERT INTO "local_intervals" VALUES('15m',1746552600000000,1746553500000000);
INSERT INTO "local_intervals" VALUES('15m',1746553500000000,1746554400000000);
INSERT INTO "local_intervals" VALUES('15m',1746554400000000,1746555300000000);
INSERT INTO "local_intervals" VALUES('15m',1746555300000000,1746556200000000);
INSERT INTO "local_intervals" VALUES('15m',1746556200000000,1746557100000000);
INSERT INTO "local_intervals" VALUES('15m',1746557100000000,1746558000000000);
INSERT INTO "local_intervals" VALUES('15m',1746558000000000,1746558900000000);
INSERT INTO "local_intervals" VALUES('15m',1746558900000000,1746559800000000);
INSERT INTO "local_intervals" VALUES('15m',1746559800000000,1746560700000000);
INSERT INTO "local_intervals" VALUES('15m',1746560700000000,1746561600000000);
INSERT INTO "local_intervals" VALUES('15m',1746561600000000,1746562500000000);
INSERT INTO "local_intervals" VALUES('15m',1746562500000000,1746563400000000);
INSERT INTO "local_intervals" VALUES('15m',1746563400000000,1746564300000000);
INSERT INTO "local_intervals" VALUES('15m',1746564300000000,1746565200000000);
INSERT INTO "local_intervals" VALUES('15m',1746565200000000,1746566100000000);
INSERT INTO "local_intervals" VALUES('15m',1746566100000000,1746567000000000);
INSERT INTO "local_intervals" VALUES('15m',1746567000000000,1746567900000000);
INSERT INTO "local_intervals" VALUES('15m',1746567900000000,1746568800000000);
INSERT INTO "local_intervals" VALUES('15m',1746568800000000,1746569700000000);
INSERT INTO "local_intervals" VALUES('15m',1746569700000000,1746570600000000);
INSERT INTO "local_intervals" VALUES('15m',1746570600000000,1746571500000000);
INSERT INTO "local_intervals" VALUES('15m',1746571500000000,1746572400000000);
INSERT INTO "local_intervals" VALUES('15m',1746572400000000,1746573300000000);
INSERT INTO "local_intervals" VALUES('15m',1746573300000000,1746574200000000);
INSERT INTO "local_intervals" VALUES('15m',1746574200000000,1746575100000000);
INSERT INTO "local_intervals" VALUES('15m',1746575100000000,1746576000000000);
INSERT INTO "local_intervals" VALUES('1d',1746421200000000,1746507600000000);
INSERT INTO "local_intervals" VALUES('1d',1746507600000000,1746594000000000);
INSERT INTO "local_intervals" VALUES('1h',1746489600000000,1746493200000000);
INSERT INTO "local_intervals" VALUES('1h',1746493200000000,1746496800000000);
INSERT INTO "local_intervals" VALUES('1h',1746496800000000,1746500400000000);
INSERT INTO "local_intervals" VALUES('1h',1746500400000000,1746504000000000);
INSERT INTO "local_intervals" VALUES('1h',1746504000000000,1746507600000000);
INSERT INTO "local_intervals" VALUES('1h',1746507600000000,1746511200000000);
INSERT INTO "local_intervals" VALUES('1h',1746511200000000,1746514800000000);
INSERT INTO "local_intervals" VALUES('1h',1746514800000000,1746518400000000);
INSERT INTO "local_intervals" VALUES('1h',1746518400000000,1746522000000000);
INSERT INTO "local_intervals" VALUES('1h',1746522000000000,1746525600000000);
INSERT INTO "local_intervals" VALUES('1h',1746525600000000,1746529200000000);
INSERT INTO "local_intervals" VALUES('1h',1746529200000000,1746532800000000);
INSERT INTO "local_intervals" VALUES('1h',1746532800000000,1746536400000000);
INSERT INTO "local_intervals" VALUES('1h',1746536400000000,1746540000000000);
INSERT INTO "local_intervals" VALUES('1h',1746540000000000,1746543600000000);
INSERT INTO "local_intervals" VALUES('1h',1746543600000000,1746547200000000);
INSERT INTO "local_intervals" VALUES('1h',1746547200000000,1746550800000000);
INSERT INTO "local_intervals" VALUES('1h',1746550800000000,1746554400000000);
INSERT INTO "local_intervals" VALUES('1h',1746554400000000,1746558000000000);
INSERT INTO "local_intervals" VALUES('1h',1746558000000000,1746561600000000);
INSERT INTO "local_intervals" VALUES('1h',1746561600000000,1746565200000000);
INSERT INTO "local_intervals" VALUES('1h',1746565200000000,1746568800000000);
INSERT INTO "local_intervals" VALUES('1h',1746568800000000,1746572400000000);
INSERT INTO "local_intervals" VALUES('1h',1746572400000000,1746576000000000);
CREATE TABLE movements (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    movement TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    entered_at_us INTEGER NOT NULL CHECK (entered_at_us >= 0),
    at_us INTEGER NOT NULL,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    UNIQUE (camera, session, track_id, movement, ordinal)
) STRICT;
INSERT INTO "movements" VALUES('north','s1',2,'through',0,1746507610000000,1746507630000000,'car',1,'v1');
CREATE TABLE site (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL
) STRICT;
INSERT INTO "site" VALUES(1,'s','Old town','America/Bogota');
CREATE TABLE trajectories (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    started_at_us INTEGER NOT NULL CHECK (started_at_us >= 0),
    ended_at_us INTEGER NOT NULL,
    road_user TEXT NOT NULL,
    aspect REAL NOT NULL,
    points BLOB NOT NULL, -- as aggregate.trajectories writes them
    UNIQUE (camera, session, track_id)
) STRICT;
INSERT INTO "trajectories" VALUES('north','s1',2,1746507605000000,1746507610000000,'car',1.5,X'0140BF647D70340600020000004889637060F066F0616048336113660082B3C63C28F4AC344931100D00697804F8');
CREATE TABLE visits (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    zone TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    entered_at_us INTEGER NOT NULL CHECK (entered_at_us >= 0),
    left_at_us INTEGER,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    minute_us INTEGER NOT NULL GENERATED ALWAYS AS (entered_at_us - entered_at_us % 60000000) STORED,
    UNIQUE (camera, session, track_id, zone, ordinal)
) STRICT;
INSERT INTO "visits" VALUES('north','s1',1,'crossing',0,1746507620000000,1746507625000000,'pedestrian',1,'v1');
INSERT INTO "visits" VALUES('north','s1',5,'crossing',0,1746556260000000,NULL,'pedestrian',0,'v1');
CREATE INDEX crossings_by_minute ON crossings (line, minute_us, direction, road_user, final);
CREATE INDEX visits_by_minute ON visits (zone, minute_us, road_user, final);
CREATE INDEX visits_by_exit ON visits (zone, left_at_us);
CREATE INDEX movements_by_time ON movements (at_us);
CREATE INDEX coverage_by_time ON coverage (minute_us) WHERE observed_us > 0;
CREATE VIEW volume_1m AS
SELECT minute_us AS start_us, 'line' AS kind, line AS place, direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM crossings 
GROUP BY minute_us, line, direction, road_user
UNION ALL
SELECT minute_us AS start_us, 'zone' AS kind, zone AS place, 'entered' AS direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM visits 
GROUP BY minute_us, zone, road_user;
CREATE VIEW coverage_1m AS
SELECT minute_us AS start_us, camera,
    sum(observed_us) AS observed_us, sum(frames) AS frames, sum(dropped) AS dropped
FROM coverage 
GROUP BY minute_us, camera;
CREATE VIEW volume_15m AS
SELECT local.start_us AS start_us, 'line' AS kind, line AS place, direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM crossings JOIN local_intervals AS local ON local.name = '15m' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, line, direction, road_user
UNION ALL
SELECT local.start_us AS start_us, 'zone' AS kind, zone AS place, 'entered' AS direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM visits JOIN local_intervals AS local ON local.name = '15m' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, zone, road_user;
CREATE VIEW coverage_15m AS
SELECT local.start_us AS start_us, camera,
    sum(observed_us) AS observed_us, sum(frames) AS frames, sum(dropped) AS dropped
FROM coverage JOIN local_intervals AS local ON local.name = '15m' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, camera;
CREATE VIEW volume_1h AS
SELECT local.start_us AS start_us, 'line' AS kind, line AS place, direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM crossings JOIN local_intervals AS local ON local.name = '1h' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, line, direction, road_user
UNION ALL
SELECT local.start_us AS start_us, 'zone' AS kind, zone AS place, 'entered' AS direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM visits JOIN local_intervals AS local ON local.name = '1h' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, zone, road_user;
CREATE VIEW coverage_1h AS
SELECT local.start_us AS start_us, camera,
    sum(observed_us) AS observed_us, sum(frames) AS frames, sum(dropped) AS dropped
FROM coverage JOIN local_intervals AS local ON local.name = '1h' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, camera;
CREATE VIEW volume_1d AS
SELECT local.start_us AS start_us, 'line' AS kind, line AS place, direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM crossings JOIN local_intervals AS local ON local.name = '1d' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, line, direction, road_user
UNION ALL
SELECT local.start_us AS start_us, 'zone' AS kind, zone AS place, 'entered' AS direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM visits JOIN local_intervals AS local ON local.name = '1d' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, zone, road_user;
CREATE VIEW coverage_1d AS
SELECT local.start_us AS start_us, camera,
    sum(observed_us) AS observed_us, sum(frames) AS frames, sum(dropped) AS dropped
FROM coverage JOIN local_intervals AS local ON local.name = '1d' AND minute_us >= local.start_us AND minute_us < local.end_us
GROUP BY local.start_us, camera;
CREATE INDEX trajectories_by_start ON trajectories (camera, started_at_us);
COMMIT;
