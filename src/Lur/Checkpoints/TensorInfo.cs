namespace Lur.Checkpoints;

/// <summary>What a safetensors header says of one tensor.</summary>
/// <param name="Name">Its name, such as <c>layer1.0.conv1.weight</c>.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Extents, slowest first; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the start of the data section.</param>
/// <param name="End">One past the last byte, counted likewise.</param>
public sealed record TensorInfo(string Name, TensorType Type, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Number of elements: the product of the extents, 1 for a scalar.</summary>
    public long Count => (End - Begin) / Type.Size();

    /// <summary>The shape as text, such as <c>[64, 3, 3, 3]</c>.</summary>
    public string ShapeText => TextOf(Shape);

    internal static string TextOf(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
