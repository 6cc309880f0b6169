// libhdf5, loaded when the first .h5 file is read or written. It brings 25 libraries along (curl, TLS, Kerberos), and linked in the
// usual way they took 7 of the 16 ms in which the command starts.
//
// The names below are those of the library. Here they are pointers, and in this namespace they stand before its own, which
// nothing is linked with; so code reads as it would otherwise. load_hdf5() comes before anything else.
#pragma once

#ifdef HAYATE_HDF5
#include <hdf5.h>

namespace hayate::io {

// clang-format off
#define HAYATE_HDF5_FUNCTIONS(f) \
  f(H5Aclose) f(H5Acreate2) f(H5Aexists) f(H5Aget_space) f(H5Aget_type) f(H5Aopen) f(H5Aread) f(H5Awrite) f(H5Dclose) f(H5Dcreate2) \
  f(H5Dget_space) f(H5Dget_type) f(H5Dopen2) f(H5Dread) f(H5Dwrite) f(H5Eset_auto2) f(H5Fclose) f(H5Fcreate) f(H5Fflush) \
  f(H5Fget_file_image) f(H5Fopen) f(H5Gclose) f(H5Gcreate2) f(H5Gopen2) f(H5Lexists) f(H5Ovisit2) f(H5Pclose) f(H5Pcreate) f(H5Pset_chunk) \
  f(H5Pset_fapl_core) f(H5Pset_obj_track_times) f(H5Sclose) f(H5Screate) f(H5Screate_simple) f(H5Sget_simple_extent_dims) \
  f(H5Sget_simple_extent_ndims) f(H5Sget_simple_extent_npoints) f(H5Sselect_hyperslab) f(H5Tarray_create2) f(H5Tclose) f(H5Tcopy) \
  f(H5Tcreate) f(H5Tget_array_dims2) f(H5Tget_array_ndims) f(H5Tget_class) f(H5Tget_member_name) f(H5Tget_member_offset) \
  f(H5Tget_member_type) f(H5Tget_native_type) f(H5Tget_nmembers) f(H5Tget_sign) f(H5Tget_size) f(H5Tget_super) f(H5Tinsert) \
  f(H5Tis_variable_str) f(H5Tset_cset) f(H5Tset_size) f(H5Tset_strpad) f(H5check_version) f(H5free_memory) f(H5open)
#define HAYATE_HDF5_IDS(i) \
  i(H5P_CLS_DATASET_CREATE_ID_g) i(H5P_CLS_FILE_ACCESS_ID_g) i(H5T_C_S1_g) i(H5T_IEEE_F32LE_g) i(H5T_IEEE_F64LE_g) i(H5T_NATIVE_INT64_g) \
  i(H5T_STD_B8LE_g) i(H5T_STD_I16LE_g) i(H5T_STD_I32LE_g) i(H5T_STD_I64LE_g) i(H5T_STD_I8LE_g) i(H5T_STD_U16LE_g) i(H5T_STD_U32LE_g) \
  i(H5T_STD_U64LE_g) i(H5T_STD_U8LE_g)
// clang-format on

/// Loads the library, once. False where it is not installed or lacks a name.
bool load_hdf5();

/// An identifier that is a variable of the library.
struct Hdf5Id {
  const hid_t* at = nullptr;
  operator hid_t() const { return *at; }
};

#define HAYATE_DECLARE(name) extern decltype(&::name) name;
HAYATE_HDF5_FUNCTIONS(HAYATE_DECLARE)
#undef HAYATE_DECLARE
#define HAYATE_DECLARE(name) extern Hdf5Id name;
HAYATE_HDF5_IDS(HAYATE_DECLARE)
#undef HAYATE_DECLARE

}  // namespace hayate::io
#endif
