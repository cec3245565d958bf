using Lur.Data;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>The original model as a judge of what others draw: of a prompt that names the concept and the same prompts with other things in
/// its place, the one under which it denoises an image best (Li et al. 2023, with a list of prompts for the classes).</summary>
internal sealed class PromptClassifier : IDisposable
{
    /// <summary>Images it looks at, at most.</summary>
    public const int MostImages = 32;

    private readonly DenoisingEvaluator _evaluator;
    private readonly ConceptPrompts _prompts;
    private readonly Dictionary<string, int> _labels;
    private readonly int _draws;

    /// <summary>Plans the evaluation.</summary>
    /// <param name="original">A model that knows the candidates.</param>
    /// <param name="prompts">Says what the candidates are.</param>
    /// <param name="draws">Draws of time step and noise for each image, the same ones for each candidate.</param>
    public PromptClassifier(Model original, ConceptPrompts prompts, int draws = 16)
    {
        (_prompts, _draws) = (prompts, draws);
        _labels = original.ClassNames.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        _evaluator = new DenoisingEvaluator(original);
    }

    /// <summary>Share of some drawn images that it takes for what they were asked for, percent; NaN where no prompt has another
    /// candidate.</summary>
    /// <param name="set">Images; the first ones are looked at.</param>
    /// <param name="prompts">The prompt of each.</param>
    /// <param name="like">Gives size and channels.</param>
    /// <param name="cancel">Stops between batches.</param>
    public double Share(GeneratedSet set, IReadOnlyList<string> prompts, IImageDataset like, CancellationToken cancel)
    {
        int[] chosen = [.. Sequences.Range(0, set.Labels.Length).Where(i => _prompts.Candidates(prompts[i]).Count > 1).Take(MostImages)];
        if (chosen.Length == 0)
            return double.NaN;
        int[][] candidates = [.. chosen.Select(i => _prompts.Candidates(prompts[i]).Select(p => _labels[p]).ToArray())];
        var samples = set.Samples;
        var size = samples.Length / set.Labels.Length;
        byte[] pixels = [.. chosen.SelectMany(i => samples.AsSpan(i * size, size).ToArray())];
        var best = new double[chosen.Length];
        var taken = new int[chosen.Length];
        for (var c = 0; c < candidates[0].Length; c++)
        {
            // The draws go by the place in the list, which is the same for every candidate.
            var images = new MemoryImages("drawn images", like, pixels, [.. candidates.Select(labels => labels[c])]);
            var losses = _evaluator.Losses(images, [.. Sequences.Range(0, chosen.Length)], _draws, null, cancel);
            for (var i = 0; i < losses.Length; i++)
                if (c == 0 || losses[i] < best[i])
                    (best[i], taken[i]) = (losses[i], c);
        }

        return 100.0 * taken.Count(c => c == 0) / taken.Length;
    }

    /// <inheritdoc/>
    public void Dispose() => _evaluator.Dispose();
}
