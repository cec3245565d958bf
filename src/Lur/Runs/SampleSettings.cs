using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Everything that decides a sampling run.</summary>
public sealed record SampleSettings
{
    /// <summary>The model: a UNet.</summary>
    public required string Model { get; init; }

    /// <summary>Folder for the images; created where it is missing.</summary>
    public required string Output { get; init; }

    /// <summary>Classes by name or number, each entry one or several with commas; empty for all of the model's.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>Prompts, of a model that is told them; each is a class then.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>What takes the place of no prompt in guidance, of a model that is told prompts; empty for none.</summary>
    public string Negative { get; init; } = "";

    /// <summary>Images of each class, 1 to 1 000 000.</summary>
    public int Count { get; init; } = 64;

    /// <summary>How they are drawn. Without <see cref="SamplingOptions.Guidance"/> it is <see cref="SampleRun.UsualGuidance"/> for a
    /// model that can be guided.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>True if images of an earlier run in the folder may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Draws sheet.png: given the images of each class, bytes [C, H, W], and their channels, rows and columns. Null: there is
    /// none.</summary>
    public Action<Stream, IReadOnlyList<IReadOnlyList<byte[]>>, (int Channels, int Height, int Width)>? Sheet { get; init; }

    /// <summary>Images of each class that the sheet is given at most.</summary>
    public int SheetColumns { get; init; } = 16;
}

/// <summary>Images of a class.</summary>
/// <param name="Name">Name of the class; "images" for a model without.</param>
/// <param name="Label">Its number; null for a model without classes.</param>
/// <param name="Folder">Folder in the output folder.</param>
/// <param name="FirstNumber">Number of its first image: what the image's draws are made from, beside the seed.</param>
public sealed record SampledClass(string Name, int? Label, string Folder, ulong FirstNumber);

/// <summary>What a sampling run came to.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Classes">What was drawn.</param>
/// <param name="Count">Images of each.</param>
/// <param name="HasSheet">True where sheet.png was drawn.</param>
/// <param name="Time">Time of the drawing alone.</param>
public sealed record SampleResult(string Folder, IReadOnlyList<SampledClass> Classes, int Count, bool HasSheet, TimeSpan Time)
{
    /// <summary>Images in all.</summary>
    public long Images => (long)Count * Classes.Count;

    /// <summary>Images a second.</summary>
    public double Rate => Images / Time.TotalSeconds;
}
