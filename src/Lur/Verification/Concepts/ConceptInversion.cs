using Lur.Models;
using Lur.Tensors;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>Learns the embedding of one new token from images of the concept, through the frozen text encoder and the frozen network
/// (Pham et al. 2023): the prompts that name the concept are the templates, the token stands in its place.</summary>
/// <param name="scene">Prompts, images, detector.</param>
/// <param name="options">Length, rate.</param>
/// <param name="samples">Images drawn at each point.</param>
/// <param name="seed">Seed of images and noise.</param>
internal sealed class ConceptInversion(TokenAttackScene scene, TokenAttackOptions options, int samples, ulong seed)
{
    /// <summary>Attacks.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images in which the concept is, percent, at each of <see cref="TokenAttackOptions.InversionSteps"/>; before
    /// the first step the prompts are as they are.</returns>
    /// <exception cref="UserErrorException">No prompt names the concept.</exception>
    public double[] Run(Model model, TokenSpace tokens, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var copy = model.Clone();
        var templates = TemplatesOf(copy, tokens);
        using var loss = new ContextLoss(copy, options.InversionBatch);
        var random = new RandomStream(seed, "attack/inversion");
        // The images are the templates' together.
        var each = Math.Max(1, options.InversionImages / templates.Length);
        NoisyDraws[] noise = [.. templates.Select(t => new NoisyDraws(copy, scene.Data, scene.ImagesOf(t.Caption, each), random))];
        var embedding = Start(tokens);
        var adam = new HostAdam(embedding.Length, options.InversionRate, options.InversionDecay);
        var shares = new List<double>();
        int[] asked = [.. Sequences.Range(0, samples).Select(k => templates[k % templates.Length].Label)];
        using var images = new GeneratedImages(copy, scene.Plan with { BatchSize = Math.Min(scene.Plan.BatchSize, samples) });
        for (var done = 0; ; done++)
        {
            if (options.InversionSteps.Contains(done))
            {
                if (done > 0)
                    foreach (var t in templates)
                        PromptRows.Write(copy, t.Label, tokens.Context(t.With(embedding)));
                shares.Add(scene.Share(images, asked, cancel));
            }

            if (done == options.InversionSteps[^1])
                return [.. shares];
            cancel.ThrowIfCancellationRequested();
            var k = random.Below(templates.Length);
            adam.Step(embedding, GradientOf(loss, tokens, templates[k], embedding, noise[k].Next(options.InversionBatch)).Gradient);
            progress?.Invoke(done + 1);
        }
    }

    /// <summary>Loss of a batch under a template with an embedding in the concept's place, and the gradient of the embedding.</summary>
    internal static (double Loss, double[] Gradient) GradientOf(
        ContextLoss loss,
        TokenSpace tokens,
        Template template,
        double[] embedding,
        NoisyNumbers batch
    )
    {
        var rows = template.With(embedding);
        var context = tokens.Context(rows);
        var gradient = new double[context.Length];
        var value = loss.Evaluate(batch, context, gradient);
        return (value, tokens.Gradient(rows, gradient).AsSpan(template.At * embedding.Length, embedding.Length).ToArray());
    }

    /// <summary>A prompt with a place for the new token.</summary>
    /// <param name="Caption">The prompt as it was.</param>
    /// <param name="Label">Its number.</param>
    /// <param name="Rows">Embeddings of its tokens, [T, C].</param>
    /// <param name="At">Place of the new token.</param>
    internal sealed record Template(string Caption, int Label, double[] Rows, int At)
    {
        /// <summary>The embeddings with that of the new token.</summary>
        public double[] With(double[] embedding)
        {
            double[] rows = [.. Rows];
            embedding.CopyTo(rows, At * embedding.Length);
            return rows;
        }
    }

    /// <summary>The prompts that name the concept, its tokens replaced by one place.</summary>
    internal Template[] TemplatesOf(Model model, TokenSpace tokens)
    {
        var concept = tokens.Tokenizer.TokensOf(scene.Prompts.Concept);
        var templates = new List<Template>();
        foreach (var prompt in scene.Attacked(options.Prompts))
        {
            var ids = tokens.Tokenizer.TokensOf(prompt);
            var at = ids.AsSpan().IndexOf(concept);
            if (at < 0 || at + 2 >= tokens.Length)
                continue;
            int[] replaced = [.. ids[..at], tokens.Usable[0], .. ids[(at + concept.Length)..]];
            templates.Add(new Template(prompt, ConceptAssessor.LabelOf(model, prompt), tokens.RowsOf(tokens.Prompt(replaced)), at + 1));
        }

        return templates.Count > 0
            ? [.. templates]
            : throw new UserErrorException($"No prompt names '{scene.Prompts.Concept}', in whose place a new token would stand.");
    }

    // As Pham et al. begin with a word of the sort: the mean of the other things', of all tokens where none is known.
    private double[] Start(TokenSpace tokens)
    {
        int[] like = [.. scene.Prompts.Others.SelectMany(tokens.Tokenizer.TokensOf)];
        if (like.Length == 0)
            like = tokens.Usable;
        var start = new double[tokens.Width];
        foreach (var id in like)
            for (var j = 0; j < start.Length; j++)
                start[j] += tokens.Embedding(id)[j] / like.Length;
        return start;
    }
}
