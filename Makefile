# crm: PGXS build, in place or out of tree (make -f /path/to/crm/Makefile).
#
# The two lists below are the architecture: C by domain, and the order in which
# the SQL modules are created. crm.control is the only place of the version.

source_dir := $(realpath $(dir $(lastword $(MAKEFILE_LIST))))

EXTENSION   = crm
EXTVERSION := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" $(source_dir)/crm.control)

MODULE_big  = crm
OBJS        = \
	src/module.o \
	src/base/aggregate.o \
	src/base/cached_argument.o \
	src/base/calendar.o \
	src/base/day.o \
	src/base/decimal.o \
	src/base/json_object.o \
	src/base/name_table.o \
	src/base/period.o \
	src/base/row_result.o \
	src/base/varint.o \
	src/math/beta_rule.o \
	src/math/exponential_integral.o \
	src/math/exact_sum.o \
	src/math/matrix.o \
	src/math/quadrature.o \
	src/math/sort.o \
	src/math/special.o \
	src/history/build_group.o \
	src/history/build_histories.o \
	src/history/build_key.o \
	src/history/build_store.o \
	src/history/codec.o \
	src/history/history_aggregate.o \
	src/history/history_answers.o \
	src/history/history_io.o \
	src/history/log.o \
	src/history/series.o \
	src/history/totals.o \
	src/rfm/abc.o \
	src/rfm/packed.o \
	src/rfm/quantile.o \
	src/rfm/rfm_aggregate.o \
	src/rfm/scores.o \
	src/rfm/thresholds.o \
	src/rfm/tile.o \
	src/model/kinds/bg_bb.o \
	src/model/kinds/bg_limits.o \
	src/model/kinds/bg_nbd.o \
	src/model/kinds/erlang.o \
	src/model/kinds/families.o \
	src/model/kinds/gamma_gamma.o \
	src/model/kinds/geometric.o \
	src/model/kinds/kind.o \
	src/model/kinds/kinds.o \
	src/model/kinds/nbd.o \
	src/model/kinds/pareto_limits.o \
	src/model/kinds/pareto_nbd.o \
	src/model/kinds/regular.o \
	src/model/kinds/renewal.o \
	src/model/kinds/sample.o \
	src/model/kinds/spend_limits.o \
	src/model/answers.o \
	src/model/customer.o \
	src/model/fit.o \
	src/model/fit_aggregate.o \
	src/model/likelihood.o \
	src/model/maximize.o \
	src/model/model.o \
	src/model/model_accessors.o \
	src/model/model_answers.o \
	src/model/model_compare.o \
	src/model/model_counts.o \
	src/model/model_estimate.o \
	src/model/model_kind.o \
	src/model/model_margin.o \
	src/model/model_next.o \
	src/model/model_renewals.o \
	src/model/model_risk.o \
	src/model/model_value.o \
	src/validation/accuracy.o \
	src/validation/correlation.o \
	src/validation/holdout.o \
	src/validation/independence_aggregate.o \
	src/validation/tracking.o \
	src/validation/validate_aggregate.o \
	src/validation/validate_result.o \
	src/rule/classifier.o \
	src/rule/classify.o \
	src/rule/rule_rows.o \
	src/rule/ruleset.o \
	src/rule/ruleset_build.o \
	src/rule/score.o \
	src/rule/score_sheet.o \
	src/tier/policy.o \
	src/tier/policy_parse.o \
	src/tier/replay.o \
	src/tier/review.o \
	src/tier/tier_answers.o \
	src/tier/tier_cache.o \
	src/tier/tier_moment.o \
	src/tier/tier_review.o \
	src/tier/tiers_aggregate.o \
	src/points/ledger.o \
	src/points/points_aggregate.o \
	src/lifecycle/markov.o \
	src/lifecycle/transitions_aggregate.o \
	src/lifecycle/transitions_answers.o \
	src/retention/activity.o \
	src/retention/growth_aggregate.o \
	src/retention/repurchase_aggregate.o \
	src/retention/retention_aggregate.o \
	src/retention/tally.o \
	src/journey/attribution_aggregate.o \
	src/journey/credit.o \
	src/journey/funnel.o \
	src/journey/funnel_aggregate.o \
	src/journey/path_aggregate.o \
	src/journey/removal.o \
	src/journey/touch_credits.o \
	src/affinity/affinity_aggregate.o \
	src/affinity/pairs.o \
	src/voice/scale.o \
	src/voice/voice_aggregate.o \
	src/workspace/exact_sum_aggregate.o \
	src/workspace/as_of.o \
	src/workspace/insert_rows.o \
	src/workspace/key.o \
	src/workspace/key_set.o \
	src/workspace/log_checks.o \
	src/workspace/newest_aggregate.o \
	src/workspace/note.o \
	src/workspace/note_changes.o \
	src/workspace/order_customers.o \
	src/workspace/owner.o \
	src/workspace/procedure.o \
	src/workspace/source.o \
	src/workspace/time_limits.o \
	src/workspace/twin.o \
	src/workspace/usable.o \
	src/workspace/view_columns.o

WORKSPACE   = workspace segments tables rules purchase attached history views points contracts \
	facts customer attached_customer growth attached_growth tiers lifecycle recurring journey \
	winning growing attached_growing movement attached_movement voice kpi origin attached_origin \
	potential value attached_value business

definition  = sql/workspace_definition.sql
SQL_MODULES = \
	sql/00_prologue.sql \
	sql/10_history.sql \
	sql/20_rfm.sql \
	sql/30_model.sql \
	sql/35_validation.sql \
	sql/40_rule.sql \
	sql/50_tier.sql \
	sql/55_points.sql \
	sql/60_lifecycle.sql \
	sql/65_retention.sql \
	sql/70_journey.sql \
	sql/72_affinity.sql \
	sql/74_voice.sql \
	$(definition) \
	sql/80_workspace.sql \
	sql/81_source.sql \
	sql/82_refresh.sql \
	sql/83_freeze.sql \
	sql/83_facts.sql \
	sql/84_care.sql \
	sql/85_program.sql \
	sql/85_settle.sql \
	sql/86_people.sql \
	sql/87_archive.sql \
	sql/88_maintain.sql \
	sql/89_restrict.sql \
	sql/89_bi.sql \
	sql/89_support.sql \
	sql/90_rights.sql

EXTRA_CLEAN = $(definition)
DATA_built  = sql/crm--$(EXTVERSION).sql
DATA        = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/sql/updates/crm--*--*.sql))

# What the code means, for the compiler of the library and for that of the
# bitcode. -ffp-contract=off: the same digits on every processor.
LANGUAGE_CFLAGS = -std=gnu11 -ffp-contract=off
PG_CPPFLAGS = -I$(srcdir)/src -DCRM_VERSION='"$(EXTVERSION)"'
PG_CFLAGS   = $(LANGUAGE_CFLAGS) -fvisibility=hidden $(CRM_CFLAGS)
SHLIB_LINK  = -lm

REGRESS        = crm history build rfm model validation rule tier points lifecycle retention journey affinity \
	voice workspace program
ISOLATION      = workspace_refresh note_everyone locks program_review people refresh_run
ISOLATION_OPTS = --inputdir=$(srcdir)/test --load-extension=crm
REGRESS_OPTS   = --inputdir=$(srcdir)/test --load-extension=crm

# PGXS sets srcdir from VPATH. Without this, only servers that were built out of
# tree themselves would find the sources from another folder.
ifneq ($(source_dir),$(realpath $(CURDIR)))
VPATH := $(source_dir)
endif

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# From the folder of the sources, take the sources only. Objects and generated
# SQL of a build in place may belong to another server.
srcdir := $(srcdir)
override VPATH :=
vpath %.c $(srcdir)
vpath %.control $(srcdir)
vpath sql/updates/% $(srcdir)

# PGXS passes PG_CFLAGS to the compiler of the library alone. The JIT compiler
# of the server may run the bitcode instead, which must count the same.
override BITCODE_CFLAGS += $(LANGUAGE_CFLAGS)

ifneq ($(filter $(REGRESS),$(notdir $(basename $(SQL_MODULES)))),)
$(error a test and an SQL module share a base name: pg_regress would run the module)
endif

recipe      = $(srcdir)/crm.control $(srcdir)/Makefile
sql_sources = $(patsubst $(srcdir)/$(definition), $(definition), $(addprefix $(srcdir)/, $(SQL_MODULES)))

$(DATA_built): $(sql_sources) $(srcdir)/scripts/install_script $(recipe) | sqldirs
	$(srcdir)/scripts/install_script $(sql_sources) > $@.tmp && mv $@.tmp $@
$(definition): $(wildcard $(srcdir)/sql/workspace/*) $(srcdir)/scripts/workspace_definition $(recipe) | sqldirs
	$(srcdir)/scripts/workspace_definition $(srcdir)/sql/workspace $(WORKSPACE) > $@.tmp && mv $@.tmp $@
$(OBJS): $(wildcard $(srcdir)/src/*/*.h $(srcdir)/src/*/*/*.h) $(recipe) | objdirs

.PHONY: objdirs sqldirs bench dist
objdirs:
	@mkdir -p $(sort $(dir $(OBJS)))
sqldirs:
	@mkdir -p sql

bench:
	$(srcdir)/scripts/bench

# The archive of the version that is checked out, for PGXN and for packagers.
DIST_FOLDER = .
dist:
	git -C $(srcdir) archive --format zip --prefix crm-$(EXTVERSION)/ -o "$(abspath $(DIST_FOLDER))/crm-$(EXTVERSION).zip" HEAD
