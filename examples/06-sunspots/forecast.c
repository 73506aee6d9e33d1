/* forecast WEIGHTS.safetensors SUNSPOTS.csv EXPECTED.txt
 *
 * Reads the yearly numbers of sunspots one after the other, as they would come in, and forecasts the next year's each
 * time. Then gives the network all years at once, to see that the forecasts are the same, and compares them with those
 * that PyTorch has computed. Exit status 1 if one of these fails or the network is no better than last year's number.
 */
#include "sunspots.h"
#include "years.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_OUT = 60 };

static int fail(const char *what) {
  fprintf(stderr, "forecast: %s\n", what);
  return 1;
}

static int read_numbers(const char *path, float *number) {
  FILE *file = fopen(path, "r");
  int count = 0;
  if (!file)
    return 0;
  while (count < MOST && fscanf(file, "%f", &number[count]) == 1)
    ++count;
  fclose(file);
  return count;
}

static double largest_difference(int count, const float *a, const float *b) {
  double most = 0;
  for (int i = 0; i < count; ++i)
    if (!(fabs((double)a[i] - b[i]) <= most))
      most = fabs((double)a[i] - b[i]);
  return most;
}

int main(int argc, char **argv) {
  static int year[MOST];
  static float number[MOST], expected[MOST], forecast[MOST], at_once[MOST];
  sunspots *model;
  sunspots_context *context;
  int years;
  if (argc != 4)
    return fail("usage: forecast WEIGHTS.safetensors SUNSPOTS.csv EXPECTED.txt");
  years = read_years(argv[2], year, number);
  if (years <= HELD_OUT || read_numbers(argv[3], expected) != years)
    return fail("the years and PyTorch's forecasts can not be read");

  if (sunspots_create(&model, 0) != NN_OK)
    return fail("the model can not be created");
  if (sunspots_load(model, argv[1]) != NN_OK || sunspots_context_create(&context, model, /*B=*/1, /*seed=*/0) != NN_OK)
    return fail(sunspots_error(model));

  /* One year a call: the context remembers what came before. */
  for (int i = 0; i < years; ++i)
    if (sunspots_next(context, 1, &number[i], &forecast[i]) != NN_OK)
      return fail(sunspots_context_error(context));

  /* Another series begins; this one with all years in one call. */
  if (sunspots_reset(context) != NN_OK || sunspots_next(context, years, number, at_once) != NN_OK)
    return fail(sunspots_context_error(context));
  sunspots_context_destroy(context);
  sunspots_destroy(model);

  printf("year  sunspots  forecast\n");
  for (int i = years - 12; i < years; ++i)
    printf("%d  %8.1f  %8.1f\n", year[i], number[i], forecast[i - 1]);
  printf("%d         ?  %8.1f\n\n", year[years - 1] + 1, forecast[years - 1]);

  double error = 0, repeated = 0;
  for (int i = years - HELD_OUT; i < years; ++i) {
    error += fabs((double)forecast[i - 1] - number[i]) / HELD_OUT;
    repeated += fabs((double)number[i - 1] - number[i]) / HELD_OUT;
  }
  int streams = largest_difference(years, forecast, at_once) < 1e-3;
  int same = largest_difference(years, forecast, expected) < 1e-3;
  printf("mean error in the %d years that training has not seen: %.1f; of the number of the year before: %.1f\n",
         HELD_OUT, error, repeated);
  printf("year after year as all at once, within 0.001: %s\n", streams ? "yes" : "no");
  printf("as PyTorch, within 0.001: %s\n", same ? "yes" : "no");
  return !(error < repeated && streams && same);
}
