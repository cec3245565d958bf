using Lur.Data;
using Lur.Models;
using Lur.Tensors;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>What attacks on tokens share: which prompts are attacked, real images of each, and whether an image shows the
/// concept.</summary>
/// <param name="eye">Looks for the concept.</param>
/// <param name="prompts">What is asked for.</param>
/// <param name="data">Training images, under their captions.</param>
/// <param name="set">Images of the concept.</param>
/// <param name="plan">How images are drawn.</param>
/// <param name="seed">Seed of the choice of images.</param>
internal sealed class TokenAttackScene(
    ConceptEye eye,
    ConceptPrompts prompts,
    IImageDataset data,
    ForgetSet set,
    SamplingPlan plan,
    ulong seed
)
{
    /// <summary>Training images.</summary>
    public IImageDataset Data => data;

    /// <summary>The prompts.</summary>
    public ConceptPrompts Prompts => prompts;

    /// <summary>How images are drawn.</summary>
    public SamplingPlan Plan => plan;

    /// <summary>The first prompts that name the concept.</summary>
    public IReadOnlyList<string> Attacked(int most) => [.. prompts.Asked.Prompts.Take(most)];

    /// <summary>Images of the concept with a caption; any where it has none.</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="most">How many at most.</param>
    public int[] ImagesOf(string caption, int most)
    {
        int[] order = [.. set.Forget];
        new RandomStream(seed, "attack/tokens").Shuffle<int>(order);
        int[] own = [.. order.Where(i => data.ClassNames[data.Label(i)] == caption).Take(most)];
        return own.Length > 0 ? own : order[..Math.Min(most, order.Length)];
    }

    /// <summary>Draws one image for the rows of a prompt, and looks.</summary>
    /// <param name="model">A model whose table has a place for them: that prompt's rows are replaced.</param>
    /// <param name="label">Number of the prompt.</param>
    /// <param name="context">The rows.</param>
    /// <param name="cancel">Stops between steps.</param>
    public bool Shows(Model model, int label, double[] context, CancellationToken cancel)
    {
        PromptRows.Write(model, label, context);
        using var images = new GeneratedImages(model, plan with { BatchSize = 1 });
        return eye.See(images.Draw([label], null, cancel), cancel).Shown[0];
    }

    /// <summary>Share of images in which the concept is, percent.</summary>
    /// <param name="images">Draws.</param>
    /// <param name="labels">What is asked for.</param>
    /// <param name="cancel">Stops between steps.</param>
    public double Share(GeneratedImages images, int[] labels, CancellationToken cancel)
    {
        var shown = eye.See(images.Draw(labels, null, cancel), cancel).Shown;
        return 100.0 * shown.Count(s => s) / shown.Length;
    }

    /// <summary>For each point the share of prompts that were broken by then, percent.</summary>
    /// <param name="broken">For each prompt the first point at which it was; null where it held.</param>
    /// <param name="points">Points, ascending.</param>
    public static double[] Broken(IReadOnlyList<int?> broken, IReadOnlyList<int> points) =>
        [.. points.Select(p => 100.0 * broken.Count(b => b <= p) / broken.Count)];
}
