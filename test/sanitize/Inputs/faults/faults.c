/* faults KIND: does what a watched program is caught at, each in code that nnc has generated. */
#include "net.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { B = 64, CALLS = 50 };

static net *model;
static float x[B][16], out[B][32];

/* One of two callers that write to the same place. */
static void *call(void *context) {
  for (int i = 0; i < CALLS; ++i)
    net_forward(context, B, x[0], out[0]);
  return NULL;
}

int main(int argc, char **argv) {
  net_context *context;
  const char *kind = argc > 1 ? argv[1] : "";
  if (net_create(&model, 1) || net_context_create(&context, model, 1))
    return 2;
  if (!strcmp(kind, "short")) { /* an input that lacks its last element */
    size_t size = sizeof x - sizeof(float);
    float *input = calloc(1, size);
    net_forward(context, B, input, out[0]);
    free(input);
  } else if (!strcmp(kind, "race")) {
    pthread_t thread;
    net_context *other;
    if (net_context_create(&other, model, 1))
      return 2;
    /* What the first call does once is done before. */
    net_context_set_threads(context, 1);
    net_context_set_threads(other, 1);
    call(context);
    call(other);
    pthread_create(&thread, NULL, call, other);
    call(context);
    pthread_join(thread, NULL);
    net_context_destroy(other);
  } else if (!strcmp(kind, "unset")) { /* an input that nobody has written decides which elements are 0 */
    float *input = malloc(sizeof x);
    net_forward(context, B, input, out[0]);
    free(input);
    for (int i = 0; i < 32; ++i)
      if (out[0][i] > 1)
        return 3;
  }
  if (strcmp(kind, "leak"))
    net_context_destroy(context);
  net_destroy(model);
  return 0;
}
