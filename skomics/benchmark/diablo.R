# DIABLO (mixOmics::block.splsda) on the folder of a fold.
# Rscript diablo.R FOLDER N_COMPONENTS N_FEATURES DESIGN SEED
if (!requireNamespace("mixOmics", quietly = TRUE)) {
  stop("mixOmics is needed: BiocManager::install(\"mixOmics\")")
}
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
n_components <- as.integer(given[2])
n_features <- as.integer(given[3])
design <- as.numeric(given[4])
set.seed(as.integer(given[5]))

read_table <- function(part, file) {
  path <- file.path(folder, part, file)
  as.matrix(read.csv(path, row.names = 1, check.names = FALSE))
}
files <- sort(setdiff(list.files(file.path(folder, "train")), "labels.csv"))
omics <- sub("\\.csv$", "", files)
train <- setNames(lapply(files, function(f) read_table("train", f)), omics)
test <- setNames(lapply(files, function(f) read_table("test", f)), omics)
labels <- read.csv(file.path(folder, "train", "labels.csv"), colClasses = "character")
y <- factor(labels$label)

# Features that do not vary in training have nothing to say, and cannot be scaled.
varied <- lapply(train, function(x) apply(x, 2, function(v) isTRUE(sd(v, na.rm = TRUE) > 0)))
train <- Map(function(x, keep) x[, keep, drop = FALSE], train, varied)
test <- Map(function(x, keep) x[, keep, drop = FALSE], test, varied)

kept <- lapply(train, function(x) rep(min(n_features, ncol(x)), n_components))
design <- matrix(design, length(train), length(train), dimnames = list(omics, omics))
diag(design) <- 0
model <- mixOmics::block.splsda(
  train, y, ncomp = n_components, keepX = kept, design = design
)
answer <- predict(model, newdata = test)
# The dummy predictions of the classes, weighed by how a modality's components correlate
# with the classes: about probabilities, if they are cut off at 0 and made to sum to 1.
scores <- answer$WeightedPredict[, , n_components, drop = TRUE]
scores <- matrix(scores, nrow = nrow(test[[1]]), dimnames = list(NULL, levels(y)))
scores <- pmax(scores, 1e-6)
table <- data.frame(id = rownames(test[[1]]), scores / rowSums(scores), check.names = FALSE)
write.csv(table, file.path(folder, "probabilities.csv"), row.names = FALSE)
