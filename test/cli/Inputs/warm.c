/* Counts what asks for memory during calls that have been made before with the same sizes. */
#include "residual.h"

#include "count.h"

#include <stdio.h>

enum { MOST = 300, IN = 16, OUT = 32 };
static float x[MOST * IN], y[MOST * OUT];

int main(void) {
  static const int64_t batches[] = {1, 7, 64, MOST};
  residual *model;
  residual_context *context;
  if (residual_create(&model, 1) || residual_context_create(&context, model, 1))
    return 1;
  long create = asked;
  for (int threads = 1; threads <= 2; ++threads) {
    if (residual_context_set_threads(context, threads))
      return 1;
    for (int i = 0; i < 4; ++i) {
      if (residual_forward(context, batches[i], x, y))
        return 1;
      long before = asked;
      for (int again = 0; again < 3; ++again)
        if (residual_forward(context, batches[i], x, y))
          return 1;
      printf("%d threads, batch %d: %ld\n", threads, (int)batches[i], asked - before);
    }
  }
  printf("counting: %s\n", create > 0 ? "works" : "does not work");
  residual_context_destroy(context);
  residual_destroy(model);
  return 0;
}
