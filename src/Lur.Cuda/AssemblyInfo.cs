using System.Runtime.CompilerServices;

// Every native signature is blittable or marshalled by generated code: required for NativeAOT and trimming.
[assembly: DisableRuntimeMarshalling]
