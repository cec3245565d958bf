namespace Lur.Models;

/// <summary>Random changes that training makes to an image and that leave its class as it is.</summary>
public sealed class Augmentation : IOptionText<Augmentation>
{
    private Augmentation(string name, bool crop, bool flip) => (Name, Crop, Flip) = (name, crop, flip);

    /// <summary>What the model is set up with, which comes from its data set: CIFAR is cropped and mirrored, IDX is cropped
    /// only.</summary>
    public static Augmentation Auto { get; } = new("auto", true, true);

    /// <summary>Crop and flip: the papers' recipe for CIFAR.</summary>
    public static Augmentation CropAndFlip { get; } = new("crop+flip", true, true);

    /// <summary>Crop without flip: for digits and letters, which a mirror turns into something else.</summary>
    public static Augmentation CropOnly { get; } = new("crop", true, false);

    /// <summary>Flip without crop.</summary>
    public static Augmentation FlipOnly { get; } = new("flip", false, true);

    /// <summary>Images as they are.</summary>
    public static Augmentation None { get; } = new("none", false, false);

    /// <summary>Every choice.</summary>
    public static IReadOnlyList<Augmentation> All { get; } = [Auto, CropAndFlip, CropOnly, FlipOnly, None];

    /// <summary>Name on the command line, in recipes and in files.</summary>
    public string Name { get; }

    /// <summary>A random window of the padded image.</summary>
    public bool Crop { get; }

    /// <summary>Mirrored left to right with probability 1/2.</summary>
    public bool Flip { get; }

    /// <summary>The choice of a name.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static Augmentation Parse(string name) =>
        TryParse(name, out var value) ? value : throw new UserErrorException($"The augmentation '{name}' is unknown; it is {Expected}.");

    /// <inheritdoc/>
    public static string Expected => "one of " + string.Join(", ", Choices);

    /// <inheritdoc/>
    public static IReadOnlyList<string> Choices { get; } = [.. All.Select(a => a.Name)];

    /// <inheritdoc/>
    public string Text => Name;

    /// <inheritdoc/>
    public static bool TryParse(string text, out Augmentation value)
    {
        value = All.FirstOrDefault(a => a.Name == text) ?? None;
        return value.Name == text;
    }

    /// <summary>Black pixels beside the image from which a window is cut: an eighth of the shorter side, at most 4, as for the
    /// 32 x 32 of CIFAR. A shift by 4 of an 8 x 8 image would leave little of it.</summary>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public int PaddingOf(int height, int width) => Crop ? Math.Min(4, (Math.Min(height, width) + 4) / 8) : 0;

    /// <summary>The name, which is part of the keys of caches and checkpoints.</summary>
    public override string ToString() => Name;
}
