using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>The families of models there are.</summary>
public static class ModelFamilies
{
    /// <summary>Every family, in the order in which they are asked.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } = [ResNetFamily.Instance, UNetFamily.Instance];

    /// <summary>Reads a spec of whichever family it is.</summary>
    /// <param name="text">The text, e.g. <c>resnet18:w16</c>.</param>
    /// <param name="input">Images the model is to take.</param>
    /// <param name="outputs">Extent of its output.</param>
    /// <exception cref="UserErrorException">The text does not name a network.</exception>
    public static ModelSpec Parse(string text, ImageSize input, int outputs) => Of(text).Parse(text, input, outputs);

    /// <summary>The spec of a model file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="text">Spec in its metadata, or null if there is none.</param>
    /// <param name="input">Images of the metadata or of the data set it is used with; null if neither is there.</param>
    /// <exception cref="UserErrorException">The file is of no family.</exception>
    public static ModelSpec Read(SafeTensorsFile file, string? text, ImageSize? input)
    {
        var family = text is not null ? Of(text) : All.FirstOrDefault(f => f.Recognizes(file));
        return family?.Read(file, text, input)
            ?? throw new UserErrorException(
                $"'{file.Path}' is no model that Lur knows: its tensors are named like none of {Names}. "
                    + "Known are torchvision's names, without a prefix in front of them."
            );
    }

    private static string Names => string.Join(", ", All.Select(f => f.Name));

    private static ModelFamily Of(string text) =>
        All.FirstOrDefault(f => f.Claims(text))
        ?? throw new UserErrorException($"Model '{text}' is not known: use {string.Join("; or ", All.Select(f => f.Grammar))}.");
}
