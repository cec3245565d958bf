using System.Text;
using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>What decides the bits of a result beside data and options: the text of the kernels and the code of the library.
/// What is kept or reused is keyed by it, so that numbers of another build are never taken for this one's.</summary>
/// <param name="Kernels">SHA-256 over names and texts of all kernels, 64 hexadecimal digits.</param>
/// <param name="Library">SHA-256 over the library and its bindings, and over the host driver beside them, 64 hexadecimal digits.</param>
public sealed record ProgramHash(string Kernels, string Library)
{
    /// <summary>The hash of this program, with the kernels as they lie in their place now.</summary>
    /// <param name="places">Where kernels come from; null for <see cref="KernelPlaces.Default"/>.</param>
    public static ProgramHash Current(KernelPlaces? places = null) => new(HashKernels(places ?? KernelPlaces.Default), HashLibrary());

    private static string HashKernels(KernelPlaces places)
    {
        using var hash = new ContentHash();
        foreach (var name in places.Names("", ".cu"))
        {
            var text = places.Bytes(name);
            // The length keeps the end of one text and the name of the next apart.
            hash.Append(Encoding.UTF8.GetBytes($"{name}\0{text.Length}\0"));
            hash.Append(text);
        }

        return hash.Text();
    }

    /// <remarks>By module version id: a deterministic build derives it from the content, and it is there where the assembly is
    /// part of one native file. Neither assembly contains the commit or a path, so the same sources have the same id anywhere.</remarks>
    private static string HashLibrary()
    {
        using var hash = new ContentHash();
        foreach (var type in new[] { typeof(ProgramHash), typeof(CudaContext) })
            hash.Append(type.Module.ModuleVersionId.ToByteArray());
        if (NativeLibraries.HostDriverFiles().FirstOrDefault(File.Exists) is { } driver)
        {
            using var stream = File.OpenRead(driver);
            hash.Append(ContentHash.Of(stream));
        }

        return hash.Text();
    }
}
