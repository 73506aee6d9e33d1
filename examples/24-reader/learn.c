/* learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]
 *
 * Trains the model on four fifths of the images, epoch by epoch, and after each looks at the fifth that training has
 * not seen. Writes the weights at the end, and epoch, loss and both accuracies to CURVE.csv. Exit status 1 if fewer
 * than 97 % of the images held back are right. */
#include "images.h"
#include "reader.h"

#include <stdlib.h>

enum { SIDE = 8, CLASSES = 10, BATCH = 32 };

static images seen, held;
static float score[MOST][CLASSES];

static int fail(const char *what) {
  fprintf(stderr, "learn: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  reader *model;
  reader_context *context;
  double right = 0;
  int epochs = argc > 4 ? atoi(argv[4]) : 20;
  if (argc < 4 || !read_images(argv[1], 0, CLASSES - 1, &seen, &held))
    return fail("usage: learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]");
  int64_t batches = (seen.count + BATCH - 1) / BATCH;
  FILE *curve = fopen(argv[3], "w");
  if (!curve || reader_create(&model, 1) || reader_context_create(&context, model, 1))
    return fail("no memory, or the curve cannot be written");
  fprintf(curve, "epoch,loss,accuracy,held back\n");
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double losses = 0, accuracies = 0;
    shuffle(&seen);
    for (int64_t first = 0; first < seen.count; first += BATCH) {
      int64_t n = seen.count - first < BATCH ? seen.count - first : BATCH;
      float loss, accuracy;
      if (reader_train_step(context, n, SIDE, SIDE, seen.image[first], seen.label + first, epochs * batches, &loss,
                            &accuracy))
        return fail(reader_context_error(context));
      losses += loss * (double)n / (double)seen.count;
      accuracies += accuracy * (double)n / (double)seen.count;
    }
    if (reader_forward(context, held.count, SIDE, SIDE, held.image[0], score[0]))
      return fail(reader_context_error(context));
    right = share_right(&held, score[0], CLASSES);
    fprintf(curve, "%d,%.4f,%.4f,%.4f\n", epoch, losses, accuracies, right);
    if (epoch % 5 == 0)
      printf("epoch %2d: loss %.3f, %.1f %% right, %.1f %% of what was held back\n", epoch, losses, 100 * accuracies,
             100 * right);
  }
  if (fclose(curve) || reader_save(model, argv[2]))
    return fail(reader_error(model));
  reader_context_destroy(context);
  reader_destroy(model);
  return right < 0.97;
}
