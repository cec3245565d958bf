using Lur.Data;
using Lur.Tensors;

namespace Lur.Verification.Concepts;

/// <summary>Real images for the kept prompts of generated captions: a distance to others would measure what was asked for.</summary>
internal static class ConceptReals
{
    /// <summary>For each kept prompt images with the same shapes and textures, whatever their colours.</summary>
    /// <param name="data">Images, their captions for class names.</param>
    /// <param name="samples">Those to choose among.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="each">Images for each prompt, fewer where there are not as many.</param>
    /// <param name="seed">Decides which.</param>
    public static int[] Of(IImageDataset data, ReadOnlySpan<int> samples, ConceptPrompts prompts, int each, ulong seed)
    {
        var contents = data.ClassNames.Select(ContentsOf).ToArray();
        var order = samples.ToArray();
        new RandomStream(seed, "concept/reals").Shuffle<int>(order);
        var queues = order.GroupBy(i => contents[data.Label(i)]).ToDictionary(g => g.Key, g => new Queue<int>(g));
        var chosen = new List<int>();
        foreach (var prompt in prompts.Kinds.Where(k => !k.Forgotten).SelectMany(k => k.Prompts))
            if (ContentsOf(prompt) is { Shapes: >= 0 } asked && queues.TryGetValue(asked, out var queue))
                for (var i = 0; i < each && queue.TryDequeue(out var sample); i++)
                    chosen.Add(sample);
        return [.. chosen];
    }

    private static (int Shapes, int First, int Second) ContentsOf(string sentence) =>
        CaptionGrammar.Parse(sentence) is { } scene ? (scene.ShapePair, scene.First.Texture, scene.Second?.Texture ?? 0) : (-1, 0, 0);
}
