// What the compiler would generate for digits.json: an entry is measure and run (runtime/Abi.h, nnrt_entry).
#include <stdint.h>

typedef struct team team;
void nnrt_barrier(team *, int32_t);
float expf(float);

#define JOB(NAME, BYTES)                                                                                               \
  int32_t measure_##NAME(const int64_t *dims, int32_t threads, int64_t *bytes, int64_t *frame, int64_t *work) {        \
    static const int64_t sizes[] = BYTES;                                                                              \
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; ++i)                                                        \
      bytes[i] = sizes[i];                                                                                             \
    *frame = 0;                                                                                                        \
    *work = 0;                                                                                                         \
    return 0;                                                                                                          \
  }
#define LIST(...) {__VA_ARGS__}
#define RUN(NAME)                                                                                                      \
  void NAME(team *team, int32_t tid, const int64_t *dims, void *const *arguments, char *parameters, char *packed,      \
            char *frame)

JOB(weight, LIST(24))
JOB(scale, LIST(8))
JOB(mean, LIST(12))
JOB(learn, LIST(12))
JOB(scalars, LIST(8, 2, 1, 1, 4, 8, 4, 3, 64))

int32_t measure_pack(const int64_t *dims, int32_t threads, int64_t *bytes, int64_t *frame, int64_t *work) {
  *frame = *work = 0;
  return 0;
}

int32_t measure_forward(const int64_t *dims, int32_t threads, int64_t *bytes, int64_t *frame, int64_t *work) {
  if (dims[0] > 1 << 20)
    return 1;
  bytes[0] = 0;
  bytes[1] = dims[0] * 12;
  bytes[2] = 4;
  bytes[3] = dims[0] * 8;
  *frame = 64;
  *work = dims[0] * 12;
  return 0;
}

RUN(draw_weight) {
  for (int i = 0; tid == 0 && i < 6; ++i)
    ((float *)arguments[0])[i] = i + 1;
}
RUN(draw_scale) {
  for (int i = 0; tid == 0 && i < 2; ++i)
    ((float *)arguments[0])[i] = 0.5f;
}
RUN(draw_mean) {
  for (int i = 0; tid == 0 && i < 3; ++i)
    ((float *)arguments[0])[i] = 0;
}
RUN(pack_weight) {
  for (int i = 0; tid == 0 && i < 6; ++i)
    ((float *)packed)[i] = ((float *)parameters)[i];
}

// out = exp(scale) * (image - mean) @ weight.T; the second half of the work after a barrier
RUN(digits_forward) {
  const float *image = arguments[1], *weight = (const float *)packed, *mean = (const float *)(parameters + 128);
  float *out = arguments[3];
  for (int64_t b = 0; tid == 0 && b < dims[0]; ++b)
    for (int j = 0; j < 2; ++j) {
      float sum = 0;
      for (int k = 0; k < 3; ++k)
        sum += (image[b * 3 + k] - mean[k]) * weight[j * 3 + k];
      out[b * 2 + j] = sum;
    }
  nnrt_barrier(team, tid);
  float factor = expf(*(const float *)arguments[2]);
  for (int64_t i = 0; tid == 0 && i < dims[0] * 2; ++i)
    out[i] *= factor;
}

RUN(scalars) {
  double *out = arguments[8];
  if (tid != 0)
    return;
  out[0] = *(double *)arguments[0];
  out[1] = *(uint16_t *)arguments[1];
  out[2] = *(int8_t *)arguments[2];
  out[3] = *(uint8_t *)arguments[3];
  out[4] = *(int32_t *)arguments[4];
  out[5] = *(int64_t *)arguments[5];
  out[6] = arguments[6] ? *(float *)arguments[6] : -1;
  out[7] = arguments[7] ? ((uint8_t *)arguments[7])[2] : -1;
}

RUN(learn) {
  for (int i = 0; tid == 0 && i < 3; ++i)
    ((float *)(parameters + 128))[i] = ((const float *)arguments[0])[i];
}
