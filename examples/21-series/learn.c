/* learn SUNSPOTS.csv WEIGHTS.safetensors CURVE.csv FORECAST.csv [STEPS]
 *
 * Trains on the years up to the last sixty and forecasts these. Writes the weights, the loss of every step to
 * CURVE.csv, and each of the sixty years with its number and the one forecast to FORECAST.csv. Exit status 1 if the
 * forecasts are no better than the number of the year before. */
#include "series.h"
#include "years.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_BACK = 60 };

static int fail(const char *what) {
  fprintf(stderr, "learn: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  static float number[MOST], forecast[MOST];
  static int year[MOST];
  series *model;
  series_context *context;
  float loss = 0;
  int steps = argc > 5 ? atoi(argv[5]) : 400;
  double error = 0, repeated = 0;
  if (argc < 5)
    return fail("usage: learn SUNSPOTS.csv WEIGHTS.safetensors CURVE.csv FORECAST.csv [STEPS]");
  int years = read_years(argv[1], year, number);
  if (years < 2 * HELD_BACK)
    return fail("no such file, or too few years");
  FILE *curve = fopen(argv[3], "w"), *forecasts = fopen(argv[4], "w");
  if (!curve || !forecasts)
    return fail("the curve or the forecasts cannot be written");
  if (series_create(&model, 1) || series_context_create(&context, model, 1))
    return fail("no memory");

  int seen = years - HELD_BACK;
  fprintf(curve, "step,loss\n");
  for (int step = 1; step <= steps; ++step) {
    /* The year after the last one that is seen is not. */
    if (series_train_step(context, 1, seen - 1, number, number + 1, steps, &loss))
      return fail(series_context_error(context));
    fprintf(curve, "%d,%.5f\n", step, loss);
    if (step % 100 == 0)
      printf("step %d: loss %.4f\n", step, loss);
  }

  if (series_next(context, 1, years, number, forecast))
    return fail(series_context_error(context));
  fprintf(forecasts, "year,number,forecast\n");
  for (int i = seen; i < years; ++i) {
    fprintf(forecasts, "%d,%.1f,%.1f\n", year[i], number[i], forecast[i - 1]);
    error += fabs(forecast[i - 1] - number[i]) / HELD_BACK;
    repeated += fabs(number[i - 1] - number[i]) / HELD_BACK;
  }
  printf("mean error in the %d years that training has not seen: %.1f; of the number of the year before: %.1f\n",
         HELD_BACK, error, repeated);
  if (fclose(curve) || fclose(forecasts) || series_save(model, argv[2]))
    return fail(series_error(model));
  series_context_destroy(context);
  series_destroy(model);
  return error >= repeated;
}
