/* What a program may rely on when it trains a model. */
#include "net.h"

#include "count.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 100, IN = 6, OUT = 5 };
static float x[MOST * IN], y[MOST * OUT], before[MOST * OUT], after[MOST * OUT];
static const int64_t shape[] = {17, IN};
static float weight[17 * IN], same[17 * IN];

static int fail(net_context *context) {
  printf("failed: %s\n", net_context_error(context));
  return 1;
}

int main(void) {
  static const int64_t batches[] = {1, 7, 64, MOST};
  net *model;
  net_context *context;
  float loss, first, error;
  for (int i = 0; i < MOST * IN; ++i)
    x[i] = (float)(i * 37 % 101) / 50 - 1;
  for (int i = 0; i < MOST * OUT; ++i)
    y[i] = (float)(i * 53 % 97) / 48 - 1;
  if (net_create(&model, 1) || net_context_create(&context, model, 1))
    return 1;
  printf("parameters: %d\n", (int)net_parameter_count(model));
  if (net_get(model, "train_step/m/fc1.weight", weight, NN_F32, shape, 2) == NN_INVALID)
    printf("optimizer state is no parameter: %s\n", net_error(model));

  if (net_forward(context, MOST, x, before) || net_train_step(context, MOST, x, y, 0.01f, &first, &error))
    return fail(context);
  for (int i = 0; i < 50; ++i)
    if (net_train_step(context, MOST, x, y, 0.01f, &loss, &error))
      return fail(context);
  if (loss < 0.9f * first)
    printf("the loss falls\n");
  else
    printf("the loss goes from %g to %g\n", first, loss);
  if (net_forward(context, MOST, x, after))
    return fail(context);
  double was = 0, is = 0;
  for (int i = 0; i < MOST * OUT; ++i)
    was += (before[i] - y[i]) * (before[i] - y[i]), is += (after[i] - y[i]) * (after[i] - y[i]);
  if (fabs(was / (MOST * OUT) - first) < 1e-5 && is / (MOST * OUT) < loss)
    printf("the entry sees the new parameters\n");

  float one, other;
  if (net_head_step(context, MOST, x, y, &one) || net_head_step(context, MOST, x, y, &other))
    return fail(context);
  if (one != other)
    printf("draws differ from call to call\n");

  if (net_get(model, "fc1.weight", weight, NN_F32, shape, 2))
    return 1;
  y[3] = INFINITY;
  loss = error = -1;
  nn_status status = net_train_step(context, MOST, x, y, 0.01f, &loss, &error);
  printf("not finite: %d, %s\n", status, net_context_error(context));
  y[3] = 0;
  if (net_get(model, "fc1.weight", same, NN_F32, shape, 2))
    return 1;
  if (!memcmp(weight, same, sizeof weight) && isinf(loss) && isinf(error))
    printf("the model is the same, loss and error are written\n");

  long create = asked;
  for (int threads = 1; threads <= 2; ++threads) {
    if (net_context_set_threads(context, threads))
      return 1;
    long during = 0;
    for (int again = 0; again < 4; ++again) {
      long start = asked;
      for (int i = 0; i < 4; ++i)
        if (net_train_step(context, batches[i], x, y, 0.01f, &loss, &error))
          return fail(context);
      during += again ? asked - start : 0;
    }
    printf("%d threads: %ld\n", threads, during);
  }
  printf("counting: %s\n", create > 0 ? "works" : "does not work");
  net_context_destroy(context);
  net_destroy(model);
  return 0;
}
