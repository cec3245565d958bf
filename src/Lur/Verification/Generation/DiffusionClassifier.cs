using Lur.Data;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Verification.Generation;

/// <summary>A diffusion model used as a classifier: the class under whose condition it denoises an image best (Li et al. 2023). The
/// original model judges so what another one draws, and no other network is needed.</summary>
public sealed class DiffusionClassifier : IDisposable
{
    private readonly DenoisingEvaluator _evaluator;
    private readonly int _classes,
        _draws;

    /// <summary>Plans the evaluation.</summary>
    /// <param name="model">A class-conditional model.</param>
    /// <param name="draws">Draws of time step and noise for each image, the same ones for each class.</param>
    /// <exception cref="UserErrorException">The model draws no classes.</exception>
    public DiffusionClassifier(Model model, int draws = 16)
    {
        (_classes, _draws) = (GeneratedImages.Conditional(model).ClassCount, draws);
        _evaluator = new DenoisingEvaluator(model);
    }

    /// <summary>Classifies.</summary>
    /// <param name="images">Images; their labels do not matter.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <returns>For each image the class with the least error, the lowest on ties.</returns>
    public int[] Classify(MemoryImages images, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        int[] all = [.. Sequences.Range(0, images.Count)];
        var best = new double[images.Count];
        Array.Fill(best, double.PositiveInfinity);
        var classes = new int[images.Count];
        for (var c = 0; c < _classes; c++)
        {
            // The draws go by the place in the list, which is the same for every class.
            var losses = _evaluator.Losses(images.Labelled(c), all, _draws, null, cancel);
            for (var i = 0; i < losses.Length; i++)
                if (losses[i] < best[i])
                    (best[i], classes[i]) = (losses[i], c);
        }

        return classes;
    }

    /// <inheritdoc/>
    public void Dispose() => _evaluator.Dispose();
}
