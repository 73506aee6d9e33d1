/* Looks into a model without knowing its depth: lists parameters, sets some of them, compares two outputs.
 *
 * A block adds `down(..)` to its input. With `down` at zero in every block the whole stack is the identity, so the
 * model gives what `embed` alone gives. Exit status 1 if it does not. */
#include "residual.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, IN = 16, D = 32 };

static int fail(const char *what) {
  fprintf(stderr, "inspect: %s\n", what);
  return 1;
}

int main(void) {
  static float x[ROWS][IN], y[ROWS][D], weight[D][IN], bias[D];
  static const int64_t weight_shape[2] = {D, IN}, bias_shape[1] = {D};
  residual *model;
  residual_context *context;
  int64_t count, blocks = 0;
  double apart = 0, moved = 0;

  /* Parameters that are neither loaded nor set are drawn by their initialisers, from this seed. */
  if (residual_create(&model, 7) != NN_OK)
    return fail("the model can not be created");
  if (residual_context_create(&context, model, 0) != NN_OK)
    return fail(residual_error(model));
  for (int i = 0; i < ROWS * IN; ++i)
    x[0][i] = sinf((float)i);
  if (residual_get(model, "embed.weight", weight, NN_F32, weight_shape, 2) != NN_OK ||
      residual_get(model, "embed.bias", bias, NN_F32, bias_shape, 1) != NN_OK)
    return fail(residual_error(model));

  for (int zero = 0; zero < 2; ++zero) {
    if (residual_forward(context, ROWS, x[0], y[0]) != NN_OK)
      return fail(residual_context_error(context));
    apart = 0;
    for (int b = 0; b < ROWS; ++b)
      for (int d = 0; d < D; ++d) {
        double embedded = bias[d];
        for (int i = 0; i < IN; ++i)
          embedded += (double)weight[d][i] * x[b][i];
        apart = fmax(apart, fabs(embedded - y[b][d]));
      }
    if (!zero)
      moved = apart;

    /* Now every `blocks.N.down` becomes zero. */
    count = residual_parameter_count(model);
    for (int64_t p = 0; p < count && !zero; ++p) {
      nn_parameter_info info;
      int64_t elements = 1;
      float *zeros;
      if (residual_parameter_info(model, p, &info) != NN_OK)
        return fail(residual_error(model));
      if (!strstr(info.path, ".down."))
        continue;
      for (int axis = 0; axis < info.rank; ++axis)
        elements *= info.shape[axis];
      zeros = calloc((size_t)elements, sizeof(float));
      if (!zeros || residual_set(model, info.path, zeros, NN_F32, info.shape, info.rank) != NN_OK)
        return fail(residual_error(model));
      free(zeros);
      blocks += info.rank == 2;
    }
  }
  printf("%d parameters in %d blocks\n", (int)count, (int)blocks);
  printf("the blocks move their input by %s, at zero by %s\n", moved > 0.01 ? "more than 0.01" : "nothing",
         apart < 1e-5 ? "nothing" : "something");
  residual_context_destroy(context);
  residual_destroy(model);
  return moved > 0.01 && apart < 1e-5 ? 0 : 1;
}
