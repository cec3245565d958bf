using Lur.Checkpoints;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>A kind of network. A family reads a spec from a text, recognises a file that has none, and says what the tensors are
/// called in a file and how they lie there. How to add one: <c>docs/add-a-model-family.md</c>.</summary>
public abstract class ModelFamily
{
    /// <summary>Name of the family, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>How a spec is written, for help and messages: a few examples and the options.</summary>
    public abstract string Grammar { get; }

    /// <summary>True when a text is meant as a spec of this family, right or wrong.</summary>
    public abstract bool Claims(string text);

    /// <summary>Reads a spec.</summary>
    /// <param name="text">The text, e.g. <c>resnet18:w16</c>.</param>
    /// <param name="input">Images the model is to take.</param>
    /// <param name="outputs">Extent of its output.</param>
    /// <exception cref="UserErrorException">The text does not name a network.</exception>
    public abstract ModelSpec Parse(string text, ImageSize input, int outputs);

    /// <summary>True when the tensors of a file without metadata are those of this family.</summary>
    public abstract bool Recognizes(SafeTensorsFile file);

    /// <summary>The spec of a file.</summary>
    /// <param name="file">A file that says it is of this family, or is recognised.</param>
    /// <param name="text">Spec in the file's metadata, or null: then it is read off the tensors.</param>
    /// <param name="input">Images of the data set it is used with, or what the metadata says; null if neither is there.</param>
    /// <exception cref="UserErrorException">The tensors do not make a network.</exception>
    public abstract ModelSpec Read(SafeTensorsFile file, string? text, ImageSize? input);

    /// <summary>Names of a tensor in files: the first is written, and all are read.</summary>
    public virtual IReadOnlyList<string> FileNames(ParameterSlot slot) => [slot.Name];

    /// <summary>Extents of a tensor in a file: torch's, filters as OIHW.</summary>
    public virtual long[] FileShape(ParameterSlot slot) => slot.FileShape();

    /// <summary>Puts the elements of a tensor, or of a part of its first extent, from the order of a file into that of the memory.
    /// The first extent is outermost in both.</summary>
    public virtual void FromFile<T>(ParameterSlot slot, ReadOnlySpan<T> file, Span<T> memory)
        where T : unmanaged
    {
        if (slot.Kind == ParameterKind.Filter)
            MemoryLayout.OihwToKrsc(file, memory, slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]);
        else
            file.CopyTo(memory);
    }

    /// <summary>Puts the elements of a tensor, or of a part of its first extent, from the order of the memory into that of a
    /// file.</summary>
    public virtual void ToFile<T>(ParameterSlot slot, ReadOnlySpan<T> memory, Span<T> file)
        where T : unmanaged
    {
        if (slot.Kind == ParameterKind.Filter)
            MemoryLayout.KrscToOihw(memory, file, slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]);
        else
            memory.CopyTo(file);
    }
}
