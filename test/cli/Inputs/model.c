/* A model by hand, as the runner sees one: y = weight[0] * x, and an entry that always fails. FLAW breaks it in one
 * way. */
#include "nnc.h"

#include <stddef.h>
#include <string.h>

enum {
  NONE,
  VALUE,
  ONE_ELEMENT,
  OUTSIDE,
  UNWRITTEN,
  THREADS,
  SECOND_CALL,
  INPUT,
  STATUS,
  FAILS_AND_WRITES,
  NOT_A_NUMBER
};
#ifndef FLAW
#define FLAW NONE
#endif

static float weight[3];
static const int64_t shape[1] = {3};
static int threads, calls;

nn_status test_create(void **model, uint64_t seed) {
  (void)seed;
  *model = weight;
  return NN_OK;
}
void test_destroy(void *model) { (void)model; }
nn_status test_set(void *model, const char *path, const void *data, nn_type type, const int64_t *s, int32_t rank) {
  (void)model;
  if (strcmp(path, "weight") != 0 || type != NN_F32 || rank != 1 || s[0] != 3)
    return NN_INVALID;
  memcpy(weight, data, sizeof weight);
  return NN_OK;
}
nn_status test_get(void *model, const char *path, void *data, nn_type type, const int64_t *s, int32_t rank) {
  (void)model;
  if (strcmp(path, "weight") != 0 || type != NN_F32 || rank != 1 || s[0] != 3)
    return NN_INVALID;
  memcpy(data, weight, sizeof weight);
  return NN_OK;
}
int64_t test_parameter_count(const void *model) {
  (void)model;
  return 1;
}
nn_status test_parameter_info(void *model, int64_t index, nn_parameter_info *info) {
  nn_parameter_info result = {"weight", shape, 1, NN_F32, 0};
  (void)model, (void)index;
  *info = result;
  return NN_OK;
}
const char *test_error(const void *model) {
  (void)model;
  return "";
}
nn_status test_context_create(void **context, void *model, uint64_t seed) {
  (void)seed;
  *context = model;
  return NN_OK;
}
void test_context_destroy(void *context) { (void)context; }
nn_status test_context_set_threads(void *context, int32_t n) {
  (void)context;
  threads = n;
  return NN_OK;
}
const char *test_context_error(const void *context) {
  (void)context;
  return "the index 7 is out of range";
}

nn_status test_call(void *context, const char *entry, void *const *arguments) {
  int64_t n = *(const int64_t *)arguments[0];
  float *x = arguments[1], *y = arguments[2];
  (void)context;
  if (strcmp(entry, "refuse") == 0) {
    if (FLAW == FAILS_AND_WRITES)
      y[0] = 0;
    return FLAW == STATUS ? NN_MEMORY : NN_INVALID;
  }
  ++calls;
  for (int64_t i = 0; i < n; ++i) {
    if (FLAW == UNWRITTEN && i == n - 1)
      continue;
    y[i] = weight[0] * x[i];
    if (FLAW == VALUE)
      y[i] *= 1.00001f;
  }
  if (FLAW == ONE_ELEMENT && n > 20)
    y[19] += 0.01f; /* none of the samples: only the sums see it */
  if (FLAW == NOT_A_NUMBER && n > 20)
    y[19] = 0 / (y[19] - y[19]);
  if (FLAW == OUTSIDE)
    y[n] = 0;
  if (FLAW == INPUT && n)
    x[n - 1] = 0;
  if ((FLAW == THREADS && threads == 3) || (FLAW == SECOND_CALL && calls % 2 == 0))
    y[0] = -y[0];
  return NN_OK;
}
