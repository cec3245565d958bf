namespace Lur.Layers;

/// <summary>Zeros around an image.</summary>
/// <param name="Begin">Rows above and columns left of it.</param>
/// <param name="End">Rows below and columns right of it.</param>
public readonly record struct Padding(int Begin, int End)
{
    /// <summary>What keeps the size at stride 1: (size - 1) / 2 on all sides.</summary>
    public static Padding Same(int size) => Symmetric((size - 1) / 2);

    /// <summary>The same on all sides.</summary>
    public static Padding Symmetric(int pixels) => new(pixels, pixels);

    /// <summary>Right and bottom only: how some UNets and auto-encoders halve an image.</summary>
    public static Padding EndOnly(int pixels) => new(0, pixels);
}
