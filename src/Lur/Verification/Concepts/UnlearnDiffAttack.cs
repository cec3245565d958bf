using Lur.Models;
using Lur.Tensors;

namespace Lur.Verification.Concepts;

/// <summary>UnlearnDiffAtk (Zhang et al. 2024): tokens before a prompt, found by descending the denoising loss of one image of the concept.
/// Each is a distribution over the vocabulary; a step draws a token of each, takes the gradient as if the distributions had been looked up,
/// clips it to [-1, 1], and projects them back.</summary>
/// <param name="scene">Prompts, images, detector.</param>
/// <param name="options">Length, rate.</param>
/// <param name="seed">Seed of tokens and noise.</param>
internal sealed class UnlearnDiffAttack(TokenAttackScene scene, TokenAttackOptions options, ulong seed)
{
    /// <summary>Attacks each prompt.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="progress">Called with the number of rounds done, prompts after one another, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the prompts whose image shows the concept, percent, by each of <see cref="TokenAttackOptions.PrefixRounds"/>; by
    /// none without tokens before them.</returns>
    public double[] Run(Model model, TokenSpace tokens, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var loss = new ContextLoss(model, 1);
        var attacked = scene.Attacked(options.Prompts);
        var broken = new int?[attacked.Count];
        for (var p = 0; p < broken.Length; p++)
        {
            broken[p] = Break(model, loss, tokens, attacked[p], cancel);
            progress?.Invoke((p + 1) * options.PrefixRounds[^1]);
        }

        return TokenAttackScene.Broken(broken, options.PrefixRounds);
    }

    // The round in which it broke.
    private int? Break(Model model, ContextLoss loss, TokenSpace tokens, string prompt, CancellationToken cancel)
    {
        using var copy = model.Clone();
        var label = ConceptAssessor.LabelOf(copy, prompt);
        if (scene.Shows(copy, label, PromptRows.Read(copy, label), cancel))
            return 0;
        var random = new RandomStream(seed, "attack/unlearndiffatk/" + prompt);
        var noise = new NoisyDraws(copy, scene.Data, scene.ImagesOf(prompt, 1), random);
        var (own, vocabulary) = (tokens.Tokenizer.TokensOf(prompt), tokens.Usable.Length);
        var shares = new double[options.Prefix * vocabulary];
        Array.Fill(shares, 1.0 / vocabulary);
        var (adam, gradient) = (
            new HostAdam(shares.Length, options.PrefixRate, options.PrefixDecay, decoupled: false),
            new double[shares.Length]
        );
        for (var round = 1; round <= options.PrefixRounds[^1]; round++)
        {
            var time = ((2 * round) - 1) * noise.TimeSteps / (2 * options.PrefixRounds[^1]);
            for (var i = 0; i < options.PrefixIterations; i++)
            {
                cancel.ThrowIfCancellationRequested();
                Gradient(loss, tokens, own, Drawn(shares, vocabulary, random), noise.Next(1, time), gradient);
                adam.Step(shares, gradient);
                for (var j = 0; j < options.Prefix; j++)
                    Simplex.Project(shares.AsSpan(j * vocabulary, vocabulary));
            }

            int[] best = [.. Sequences.Range(0, options.Prefix).Select(j => Largest(shares.AsSpan(j * vocabulary, vocabulary)))];
            var rows = tokens.RowsOf(tokens.Prompt([.. best.Select(v => tokens.Usable[v]), .. own]));
            if (scene.Shows(copy, label, tokens.Context(rows), cancel))
                return round;
        }

        return null;
    }

    /// <summary>The gradient of the shares, straight through the choice, clipped.</summary>
    internal static void Gradient(
        ContextLoss loss,
        TokenSpace tokens,
        int[] prompt,
        int[] chosen,
        NoisyNumbers batch,
        Span<double> gradient
    )
    {
        var rows = tokens.RowsOf(tokens.Prompt([.. chosen.Select(v => tokens.Usable[v]), .. prompt]));
        var context = tokens.Context(rows);
        var back = new double[context.Length];
        _ = loss.Evaluate(batch, context, back);
        var embeddings = tokens.Gradient(rows, back);
        var (width, vocabulary) = (tokens.Width, tokens.Usable.Length);
        for (var j = 0; j < chosen.Length; j++)
        {
            // Behind the token that begins; what there was no room for has no gradient.
            var of = j + 2 < tokens.Length ? embeddings.AsSpan((j + 1) * width, width) : new double[width];
            for (var v = 0; v < vocabulary; v++)
            {
                var row = tokens.Embedding(tokens.Usable[v]);
                var sum = 0.0;
                for (var k = 0; k < width; k++)
                    sum += row[k] * of[k];
                gradient[(j * vocabulary) + v] = Math.Clamp(sum, -1, 1);
            }
        }
    }

    private int[] Drawn(double[] shares, int vocabulary, RandomStream random)
    {
        var chosen = new int[options.Prefix];
        for (var j = 0; j < chosen.Length; j++)
        {
            var left = random.UniformDouble();
            var of = shares.AsSpan(j * vocabulary, vocabulary);
            // Rounding may leave a little of it behind the last one.
            for (chosen[j] = 0; chosen[j] < vocabulary - 1 && (left -= of[chosen[j]]) >= 0; chosen[j]++) { }
        }

        return chosen;
    }

    private static int Largest(ReadOnlySpan<double> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            best = values[i] > values[best] ? i : best;
        return best;
    }
}
