/* learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]
 *
 * Trains the network of lesson 24 on the digits 0 to 6, writes its weights, and loads them as the backbone of another
 * model, of which only the head then learns 7 to 9. Writes epoch, loss and the share of right answers to CURVE.csv.
 * At the end measures a step with the backbone frozen and one in which everything learns. Exit status 1 if fewer than
 * 95 % of the images of 7 to 9 that were held back are right. */
#define _POSIX_C_SOURCE 199309L
#include "images.h"
#include "reader.h"
#include "transfer.h"

#include <stdlib.h>
#include <time.h>

enum { SIDE = 8, KNOWN = 7, FRESH = 3, BATCH = 32, ROUNDS = 20 };

static images known, known_held, fresh, fresh_held;
static float score[MOST][KNOWN];

typedef nn_status step(transfer_context *, int64_t, int64_t, int64_t, const float *, const int64_t *, float, float *);

static int fail(const char *what) {
  fprintf(stderr, "learn: %s\n", what);
  return 1;
}

static int64_t batch_size(const images *all, int64_t first) {
  return all->count - first < BATCH ? all->count - first : BATCH;
}

/* The backbone, on the digits 0 to 6. */
static int learn_known(int epochs, const char *weights) {
  reader *model;
  reader_context *context;
  int64_t steps = epochs * ((known.count + BATCH - 1) / BATCH);
  float loss, accuracy;
  if (reader_create(&model, 1) || reader_context_create(&context, model, 1))
    return fail("no memory");
  for (int epoch = 0; epoch < epochs; ++epoch) {
    shuffle(&known);
    for (int64_t first = 0; first < known.count; first += BATCH)
      if (reader_train_step(context, batch_size(&known, first), SIDE, SIDE, known.image[first], known.label + first,
                            steps, &loss, &accuracy))
        return fail(reader_context_error(context));
  }
  if (reader_forward(context, known_held.count, SIDE, SIDE, known_held.image[0], score[0]))
    return fail(reader_context_error(context));
  printf("0 to 6, everything learns: %.1f %% of what was held back\n", 100 * share_right(&known_held, score[0], KNOWN));
  if (reader_save(model, weights))
    return fail(reader_error(model));
  reader_context_destroy(context);
  reader_destroy(model);
  return 0;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The shortest of some steps of both kinds, which take turns. */
static int measure(transfer_context *context, double *shortest) {
  static step *const kinds[] = {transfer_head_step, transfer_whole_step};
  float loss;
  shortest[0] = shortest[1] = 1e9;
  for (int round = 0; round < 2 * ROUNDS; ++round) {
    double before = seconds();
    if (kinds[round % 2](context, batch_size(&fresh, 0), SIDE, SIDE, fresh.image[0], fresh.label, 1e-3f, &loss))
      return fail(transfer_context_error(context));
    double took = seconds() - before;
    shortest[round % 2] = took < shortest[round % 2] ? took : shortest[round % 2];
  }
  return 0;
}

int main(int argc, char **argv) {
  transfer *model;
  transfer_context *context;
  double right = 0, shortest[2];
  int epochs = argc > 4 ? atoi(argv[4]) : 20;
  FILE *curve = argc > 3 ? fopen(argv[3], "w") : NULL;
  if (!curve || !read_images(argv[1], 0, KNOWN - 1, &known, &known_held) ||
      !read_images(argv[1], KNOWN, KNOWN + FRESH - 1, &fresh, &fresh_held))
    return fail("usage: learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]");
  if (learn_known(epochs, argv[2]))
    return 1;

  /* The reader's tensors go below `backbone`; its own last layer has no place there. */
  if (transfer_create(&model, 1) || transfer_load_part(model, "backbone", argv[2]) ||
      transfer_context_create(&context, model, 1))
    return fail(transfer_error(model));
  fprintf(curve, "epoch,loss,held back\n");
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double losses = 0;
    shuffle(&fresh);
    for (int64_t first = 0; first < fresh.count; first += BATCH) {
      int64_t n = batch_size(&fresh, first);
      float loss;
      if (transfer_head_step(context, n, SIDE, SIDE, fresh.image[first], fresh.label + first, 2e-2f, &loss))
        return fail(transfer_context_error(context));
      losses += loss * (double)n / (double)fresh.count;
    }
    if (transfer_forward(context, fresh_held.count, SIDE, SIDE, fresh_held.image[0], score[0]))
      return fail(transfer_context_error(context));
    right = share_right(&fresh_held, score[0], FRESH);
    fprintf(curve, "%d,%.4f,%.4f\n", epoch, losses, right);
  }
  printf("7 to 9, only the head learns: %.1f %% of what was held back\n", 100 * right);
  if (fclose(curve) || transfer_save(model, argv[2]))
    return fail(transfer_error(model));

  if (measure(context, shortest))
    return 1;
  printf("a step on %d images: %.0f us with the backbone frozen, %.0f us if everything learns: %.1f times faster\n",
         BATCH, 1e6 * shortest[0], 1e6 * shortest[1], shortest[1] / shortest[0]);
  transfer_context_destroy(context);
  transfer_destroy(model);
  return right < 0.95;
}
