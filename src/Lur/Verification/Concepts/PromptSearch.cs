using Lur.Models;
using Lur.Tensors;

namespace Lur.Verification.Concepts;

/// <summary>P4D (Chin et al. 2024, P4D-N): a prompt of free tokens, found by matching what the original predicts for the prompt that names
/// the concept. Embeddings are continuous; a step looks at the tokens nearest to them, and their gradient moves the embeddings.</summary>
/// <param name="scene">Prompts, images, detector.</param>
/// <param name="options">Length, rate.</param>
/// <param name="seed">Seed of tokens and noise.</param>
internal sealed class PromptSearch(TokenAttackScene scene, TokenAttackOptions options, ulong seed)
{
    /// <summary>Attacks each prompt.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="original">The original model, whose predictions are matched.</param>
    /// <param name="tokens">The model's tokens.</param>
    /// <param name="progress">Called with the number of steps done, prompts after one another, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the prompts for which an image shows the concept, percent, by each of
    /// <see cref="TokenAttackOptions.FreeSteps"/>; by 0 for the prompt itself.</returns>
    public double[] Run(Model model, Model original, TokenSpace tokens, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var loss = new ContextLoss(model, 1);
        using var target = new ContextLoss(original, 1);
        var attacked = scene.Attacked(options.Prompts);
        var broken = new int?[attacked.Count];
        for (var p = 0; p < broken.Length; p++)
        {
            var wanted = PromptRows.Read(original, ConceptAssessor.LabelOf(original, attacked[p]));
            broken[p] = Break(model, loss, batch => batch with { Target = target.Predict(batch, wanted) }, tokens, attacked[p], cancel);
            progress?.Invoke((p + 1) * options.FreeSteps[^1]);
        }

        return TokenAttackScene.Broken(broken, options.FreeSteps);
    }

    // The step at which it was seen to break.
    private int? Break(
        Model model,
        ContextLoss loss,
        Func<NoisyNumbers, NoisyNumbers> matched,
        TokenSpace tokens,
        string prompt,
        CancellationToken cancel
    )
    {
        using var copy = model.Clone();
        var label = ConceptAssessor.LabelOf(copy, prompt);
        var random = new RandomStream(seed, "attack/p4d/" + prompt);
        var noise = new NoisyDraws(copy, scene.Data, scene.ImagesOf(prompt, 1), random);
        var (count, width) = (Math.Min(options.FreeTokens, tokens.Length - 2), tokens.Width);
        var free = tokens.RowsOf([.. Sequences.Range(0, count).Select(_ => tokens.Usable[random.Below(tokens.Usable.Length)])]);
        var adam = new HostAdam(free.Length, options.FreeRate, options.FreeDecay);
        for (var done = 0; ; done++)
        {
            int[] nearest = [.. Sequences.Range(0, count).Select(j => Nearest(tokens, free.AsSpan(j * width, width)))];
            var rows = tokens.RowsOf(tokens.Prompt(nearest));
            if (
                options.FreeSteps.Contains(done)
                && scene.Shows(copy, label, done == 0 ? PromptRows.Read(model, label) : tokens.Context(rows), cancel)
            )
                return done;
            if (done == options.FreeSteps[^1])
                return null;
            cancel.ThrowIfCancellationRequested();
            var (context, gradient) = (tokens.Context(rows), new double[rows.Length]);
            _ = loss.Evaluate(matched(noise.Next(1)), context, gradient);
            adam.Step(free, tokens.Gradient(rows, gradient).AsSpan(width, free.Length));
        }
    }

    /// <summary>The token whose embedding has the greatest cosine with a vector.</summary>
    internal static int Nearest(TokenSpace tokens, ReadOnlySpan<double> vector)
    {
        var (best, found) = (double.NegativeInfinity, tokens.Usable[0]);
        foreach (var id in tokens.Usable)
        {
            var row = tokens.Embedding(id);
            double dot = 0,
                square = 0;
            for (var k = 0; k < vector.Length; k++)
                (dot, square) = (dot + (row[k] * vector[k]), square + (row[k] * row[k]));
            var cosine = dot / Math.Sqrt(Math.Max(square, 1e-30));
            if (cosine > best)
                (best, found) = (cosine, id);
        }

        return found;
    }
}
