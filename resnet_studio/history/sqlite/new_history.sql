CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE cohorts (
	"key" INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	study VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_cohorts PRIMARY KEY ("key"), 
	CONSTRAINT uq_cohorts_id UNIQUE (id)
);
CREATE INDEX ix_cohorts_study ON cohorts (study);
CREATE TABLE runs (
	"key" INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	cohort_key INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	iteration INTEGER NOT NULL, 
	training_error DOUBLE, 
	test_error DOUBLE, 
	best_test_error DOUBLE, 
	parameters BIGINT NOT NULL, 
	multiply_adds BIGINT NOT NULL, 
	weights_sha256 VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	seconds DOUBLE NOT NULL, 
	colour VARCHAR(7) NOT NULL, 
	note TEXT NOT NULL, 
	class_names JSON NOT NULL, 
	environment JSON NOT NULL, 
	deleted_at DATETIME, ended_at DATETIME, 
	CONSTRAINT pk_runs PRIMARY KEY ("key"), 
	CONSTRAINT fk_runs_cohort_key_cohorts FOREIGN KEY(cohort_key) REFERENCES cohorts ("key"), 
	CONSTRAINT uq_runs_id UNIQUE (id)
);
CREATE UNIQUE INDEX ix_runs_cohort_key_position ON runs (cohort_key, position);
CREATE INDEX ix_runs_name ON runs (name);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_runs_deleted_at ON runs (deleted_at);
CREATE TABLE tags (
	run_key INTEGER NOT NULL, 
	tag VARCHAR(100) NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (run_key, tag), 
	CONSTRAINT fk_tags_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key") ON DELETE CASCADE
);
CREATE INDEX ix_tags_tag ON tags (tag);
CREATE TABLE curve_chunks (
	run_key INTEGER NOT NULL, 
	series VARCHAR(32) NOT NULL, 
	first_iteration INTEGER NOT NULL, 
	last_iteration INTEGER NOT NULL, 
	stride INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	minimum DOUBLE, 
	maximum DOUBLE, 
	last DOUBLE, 
	points BLOB NOT NULL, 
	CONSTRAINT pk_curve_chunks PRIMARY KEY (run_key, series, first_iteration), 
	CONSTRAINT fk_curve_chunks_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key") ON DELETE CASCADE
);
CREATE TABLE checkpoints (
	run_key INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	folder TEXT NOT NULL, 
	weights_sha256 VARCHAR(64) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_checkpoints PRIMARY KEY (run_key, iteration), 
	CONSTRAINT fk_checkpoints_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key") ON DELETE CASCADE
);
CREATE TABLE evaluations (
	"key" INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	protocol_key VARCHAR(200) NOT NULL, 
	protocol TEXT NOT NULL, 
	data TEXT NOT NULL, 
	data_seed INTEGER NOT NULL, 
	data_sha256 VARCHAR(64) NOT NULL, 
	images INTEGER NOT NULL, 
	classes INTEGER NOT NULL, 
	left_out INTEGER NOT NULL, 
	top1_error DOUBLE NOT NULL, 
	top5_error DOUBLE NOT NULL, 
	created_at DATETIME NOT NULL, 
	seconds DOUBLE NOT NULL, 
	class_names BLOB NOT NULL, 
	skipped BLOB NOT NULL, 
	confusion BLOB NOT NULL, 
	labels BLOB NOT NULL, 
	predicted BLOB NOT NULL, 
	confidence BLOB NOT NULL, 
	names BLOB NOT NULL, 
	CONSTRAINT pk_evaluations PRIMARY KEY ("key"), 
	CONSTRAINT uq_evaluations_id UNIQUE (id)
);
CREATE INDEX ix_evaluations_protocol_key ON evaluations (protocol_key);
CREATE TABLE evaluation_members (
	evaluation_key INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	weights_sha256 VARCHAR(64) NOT NULL, 
	iteration INTEGER NOT NULL, 
	top1_error DOUBLE, 
	CONSTRAINT pk_evaluation_members PRIMARY KEY (evaluation_key, position), 
	CONSTRAINT fk_evaluation_members_evaluation_key_evaluations FOREIGN KEY(evaluation_key) REFERENCES evaluations ("key") ON DELETE CASCADE, 
	CONSTRAINT fk_evaluation_members_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key")
);
CREATE INDEX ix_evaluation_members_run_key ON evaluation_members (run_key);
CREATE TABLE queue (
	"key" INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	cohort_key INTEGER NOT NULL, 
	run_ids TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	request VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	added_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	owner VARCHAR(200) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	device VARCHAR(100) NOT NULL, 
	fence BIGINT NOT NULL, 
	lease_until DATETIME, 
	heard_at DATETIME, 
	speed DOUBLE, needs VARCHAR(32), 
	CONSTRAINT pk_queue PRIMARY KEY ("key"), 
	CONSTRAINT fk_queue_cohort_key_cohorts FOREIGN KEY(cohort_key) REFERENCES cohorts ("key") ON DELETE CASCADE, 
	CONSTRAINT uq_queue_id UNIQUE (id)
);
CREATE INDEX ix_queue_cohort_key ON queue (cohort_key);
CREATE INDEX ix_queue_status ON queue (status);
CREATE TABLE analyses (
	"key" INTEGER NOT NULL, 
	id VARCHAR(32) NOT NULL, 
	analysis VARCHAR(32) NOT NULL, 
	definition TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	data TEXT NOT NULL, 
	data_seed INTEGER NOT NULL, 
	data_sha256 VARCHAR(64) NOT NULL, 
	images INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	seconds DOUBLE NOT NULL, 
	result BLOB NOT NULL, 
	CONSTRAINT pk_analyses PRIMARY KEY ("key"), 
	CONSTRAINT uq_analyses_id UNIQUE (id)
);
CREATE INDEX ix_analyses_analysis ON analyses (analysis);
CREATE TABLE analysis_members (
	analysis_key INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	weights_sha256 VARCHAR(64) NOT NULL, 
	iteration INTEGER NOT NULL, 
	CONSTRAINT pk_analysis_members PRIMARY KEY (analysis_key, position), 
	CONSTRAINT fk_analysis_members_analysis_key_analyses FOREIGN KEY(analysis_key) REFERENCES analyses ("key") ON DELETE CASCADE, 
	CONSTRAINT fk_analysis_members_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key")
);
CREATE INDEX ix_analysis_members_run_key ON analysis_members (run_key);
CREATE TABLE archived_runs (
	run_key INTEGER NOT NULL, 
	archived_at DATETIME NOT NULL, 
	CONSTRAINT pk_archived_runs PRIMARY KEY (run_key), 
	CONSTRAINT fk_archived_runs_run_key_runs FOREIGN KEY(run_key) REFERENCES runs ("key") ON DELETE CASCADE
);
CREATE TABLE workers (
	name VARCHAR(200) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	device VARCHAR(100) NOT NULL, 
	kinds VARCHAR(100) NOT NULL, 
	started_at DATETIME NOT NULL, 
	heard_at DATETIME NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (name)
);
INSERT INTO alembic_version VALUES ('0007');
