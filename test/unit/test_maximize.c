/*-------------------------------------------------------------------------
 *
 * test_maximize.c
 *		How the search for the maximum ends, and after how many steps.
 *
 * The likelihoods are made up. Each is a function of the logarithms of two
 * parameters, and its Newton steps are known. So the number of evaluations
 * tells whether the search keeps its rules.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include <setjmp.h>

#include "math/pause.h"
#include "model/kinds/families.h"
#include "model/likelihood.h"

/* Value, gradient and Hessian by the logarithms. */
typedef void (*Landscape)(const double *u, ModelSums *sums);

/* The tests are one thread, and a kind has no room for a function. */
static Landscape landscape;
static int evaluations;
static int pauses;
static int last_pause; /* that does not stop the search */
static jmp_buf stopped;

/* The second parameter is at its maximum, unless the landscape moves it. */
static void
rows(const ModelKind *kind, const double *parameters,
	 const ModelSample *sample, const double *x_table,
	 const double *time_table, size_t from, size_t until, ModelSums *sums)
{
	double u[2] = {log(parameters[0]), log(parameters[1])};

	evaluations++;
	sums->value = -0.5 * u[1] * u[1];
	sums->gradient[1] = -u[1];
	sums->hessian[1][1] = -1.0;
	landscape(u, sums);
	/* The derivatives by the parameters themselves. */
	for (int i = 0; i < 2; i++)
	{
		sums->hessian[i][i] -= sums->gradient[i];
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] /= parameters[i] * parameters[j];
		sums->gradient[i] /= parameters[i];
	}
}

/* As the server does where a user cancels. */
static void
stop(void)
{
	if (pauses++ >= last_pause)
		longjmp(stopped, 1);
}

/* Starts at this logarithm of the first parameter. */
static ModelOutcome
climb_from(double u, Landscape over, double far, ModelMaximum *maximum,
		   bool approach)
{
	const ModelOperations operations = {.rows = rows};
	const ModelParameter parameters[2] = {{.name = "p", .far = far},
										  {.name = "q"}};
	const ModelKind kind = {.family = MODEL_PURCHASES,
							.n_parameters = 2,
							.parameters = parameters,
							.operations = &operations};
	const ModelSample sample = {.n_rows = 1, .total_customers = 1};
	const ModelLikelihood likelihood = {&kind, &sample, NULL};
	static const double scale[] = {1.0, 1.0};

	memset(maximum, 0, sizeof(*maximum));
	maximum->parameters[0] = exp(u);
	maximum->parameters[1] = 1.0;
	landscape = over;
	pauses = evaluations = 0;
	return approach ? model_approach(&likelihood, scale, maximum)
					: model_polish(&likelihood, scale, maximum);
}

static void
expect(double u, Landscape over, double far, ModelOutcome outcome,
	   int evaluations, const char *what)
{
	ModelMaximum maximum;
	ModelOutcome found = climb_from(u, over, far, &maximum, false);

	report(found == outcome && maximum.iterations == evaluations, what);
	printf("# outcome %d for %d after %d evaluations for %d at %g\n", found,
		   outcome, maximum.iterations, evaluations,
		   log(maximum.parameters[0]));
}

static void
one(ModelSums *sums, double value, double gradient, double hessian)
{
	sums->value += value;
	sums->gradient[0] = gradient;
	sums->hessian[0][0] = hessian;
}

static void
parabola(const double *u, ModelSums *sums)
{
	one(sums, -2.0 * u[0] * u[0], -4.0 * u[0], -4.0);
}

/* A step goes a third of the way. */
static void
quartic(const double *u, ModelSums *sums)
{
	one(sums, -pow(u[0], 4.0), -4.0 * pow(u[0], 3.0), -12.0 * u[0] * u[0]);
}

/* The same, and hardly anything is gained. */
static void
flat(const double *u, ModelSums *sums)
{
	one(sums, -1e-5 * pow(u[0], 4.0), -4e-5 * pow(u[0], 3.0),
		-12e-5 * u[0] * u[0]);
}

static void
slope(const double *u, ModelSums *sums)
{
	one(sums, u[0], 1.0, 0.0);
}

/* Concave, with a long step everywhere. */
static void
logarithm(const double *u, ModelSums *sums)
{
	one(sums, 100.0 * log(u[0]), 100.0 / u[0], -100.0 / (u[0] * u[0]));
}

/* A step is 1 long everywhere. */
static void
flattening(const double *u, ModelSums *sums)
{
	one(sums, -exp(-u[0]), exp(-u[0]), -exp(-u[0]));
}

/* The gradient says the opposite of the values. */
static void
false_slope(const double *u, ModelSums *sums)
{
	one(sums, -u[0], 1.0, -1.0);
}

static void
no_number(const double *u, ModelSums *sums)
{
	one(sums, -u[0], 1.0, NAN);
}

static void
no_covariance(const double *u, ModelSums *sums)
{
	parabola(u, sums);
	sums->hessian[1][0] = NAN;
}

/* Concave within 1 of the peak alone. */
static void
hill(const double *u, ModelSums *sums)
{
	double e = exp(-0.5 * u[0] * u[0]);

	one(sums, 10.0 * e, -10.0 * u[0] * e, 10.0 * (u[0] * u[0] - 1.0) * e);
}

static void
test_outcomes(void)
{
	expect(0.0, parabola, 0.0, MODEL_CONVERGED, 1, "a maximum ends at once");
	expect(1.0, parabola, 0.0, MODEL_CONVERGED, 2, "a parabola takes a step");
	expect(9.0, parabola, 0.0, MODEL_CONVERGED, 6, "no step is above 2");
	expect(1.0, flat, 0.0, MODEL_NOT_IDENTIFIED, 6,
		   "five short steps without a gain end a search");
	expect(0.0, slope, 0.0, MODEL_RUNS_AWAY, 11, "a slope leads far away");
	expect(0.0, slope, 1e300, MODEL_NOT_IDENTIFIED, 101,
		   "a hundred steps that are not concave are enough");
	expect(1.0, logarithm, 1e300, MODEL_NOT_CONVERGED, 101,
		   "a hundred concave steps are enough");
	expect(5.0, flattening, 0.0, MODEL_RUNS_AWAY, 5,
		   "three long steps without a gain end a search");
	expect(0.0, false_slope, 0.0, MODEL_NOT_CONVERGED, 31,
		   "a step is halved thirty times");
	expect(0.0, no_number, 0.0, MODEL_NOT_CONVERGED, 1,
		   "a Hessian that is no number ends a search");
	expect(1.0, no_covariance, 0.0, MODEL_NOT_CONVERGED, 1,
		   "a Hessian that cannot be made concave ends a search");
}

static void
test_hill(void)
{
	ModelMaximum maximum;
	Worst worst = {0};

	for (double u = -4.0; u < 4.1; u += 0.4)
	{
		bool converged =
			climb_from(u, hill, 0.0, &maximum, false) == MODEL_CONVERGED;

		compare(&worst, converged ? maximum.parameters[0] : NAN, 1.0, 1e-8,
				lrint(10 * u));
		compare(&worst, maximum.covariance[0][0], 0.1, 1e-6, lrint(10 * u));
	}
	report_worst(&worst, "a search climbs from where nothing is concave");
}

static void
test_approach(void)
{
	ModelMaximum maximum;

	report(climb_from(1.0, quartic, 0.0, &maximum, true) == MODEL_CONVERGED &&
			   maximum.iterations == 10,
		   "an approach ends near the maximum");
}

static void
test_stopped(void)
{
	static ModelMaximum maximum;
	static bool each = true;

	pause_here = stop;
	for (last_pause = 0; last_pause < 5; last_pause++)
		if (setjmp(stopped) == 0)
		{
			climb_from(9.0, parabola, 0.0, &maximum, false);
			each = false;
		}
		else
			each = each && evaluations == last_pause;
	report(each, "a search can be stopped at each evaluation");
	last_pause = 1000;
}

/* The first block is huge, the last one takes it away, and others are 1. */
static void
block_rows(const ModelKind *kind, const double *parameters,
		   const ModelSample *sample, const double *x_table,
		   const double *time_table, size_t from, size_t until,
		   ModelSums *sums)
{
	double value = from == 0 ? 1e17 : until == sample->n_rows ? -1e17 : 1.0;

	sums->value = value;
	for (int i = 0; i < 2; i++)
	{
		sums->gradient[i] = value;
		sums->hessian[1][i] = value;
	}
}

static void
test_compensation(void)
{
	const ModelOperations operations = {.rows = block_rows};
	const ModelKind kind = {.family = MODEL_PURCHASES,
							.operations = &operations};
	const ModelSample sample = {
		.n_rows = 5 * model_families[MODEL_PURCHASES].block_rows};
	const ModelLikelihood likelihood = {&kind, &sample, NULL};
	ModelSums sums;

	model_likelihood(&likelihood, NULL, &sums);
	report(sums.value == 3.0 && sums.gradient[0] == 3.0 &&
			   sums.gradient[1] == 3.0 && sums.hessian[1][0] == 3.0 &&
			   sums.hessian[1][1] == 3.0,
		   "sums of blocks lose no digit");
}

int
main(void)
{
	test_compensation();
	test_stopped();
	test_outcomes();
	test_hill();
	test_approach();
	return finish();
}
